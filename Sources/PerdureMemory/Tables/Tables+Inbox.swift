internal import Perdure

extension Tables {
    /// Puts a row into the inbox of a workflow that is still open, or of the run as which it goes on; nothing otherwise.
    mutating func deliver(_ item: InboxItem) {
        var item = item
        if item.movesOn { item.workflow = newestRun(of: item.workflow) }
        guard live[item.workflow] != nil else { return }
        lastSequence += 1
        item.sequence = lastSequence
        inbox[item.workflow, default: FIFO()].append(item)
        inboxRows += 1
        arrivalLog.append(Arrival(sequence: lastSequence, workflow: item.workflow))
    }

    /// As `deliver`, but not a second time what is there already: a command may be sent again.
    mutating func deliverOnce(_ item: InboxItem) {
        let isThere = inbox[item.movesOn ? newestRun(of: item.workflow) : item.workflow]?.all.contains { row in
            row.kind == item.kind && row.reference == item.reference && row.payload == item.payload
        }
        if isThere != true { deliver(item) }
    }

    mutating func consume(_ sequence: Int64, of workflow: WorkflowNumber) {
        guard let index = inbox[workflow]?.index(of: sequence, by: { $0.sequence }) else { return }
        inbox[workflow]?.remove(at: index)
        inboxRows -= 1
        if inbox[workflow]?.isEmpty == true { inbox[workflow] = nil }
        trimArrivals()
    }

    /// Its workflow has left memory and knows of these.
    mutating func see(_ sequences: [Int64], of workflow: WorkflowNumber) {
        for sequence in sequences {
            guard let index = inbox[workflow]?.index(of: sequence, by: { $0.sequence }) else { continue }
            inbox[workflow]?.change(at: index) { $0.isSeen = true }
        }
    }

    /// Its workflow has left memory and waits for none of these.
    mutating func overlook(_ workflow: WorkflowNumber, except groups: [String]) {
        guard let queue = inbox[workflow] else { return }
        for index in queue.all.indices where queue.all[index].kind == .groupEnded {
            if !groups.contains(queue.all[index].topic ?? "") { inbox[workflow]?.change(at: index) { $0.isSeen = true } }
        }
    }

    func groupEnds(of parent: WorkflowNumber, _ group: String, limit: Int, bytes: Int) -> [GroupEnd] {
        var ends: [GroupEnd] = []
        var left = bytes
        for item in inbox[parent]?.all ?? [] where item.kind == .groupEnded && item.topic == group {
            guard let child = item.reference, ends.count < limit else { break }
            let outcome = outcomes[child]
            left -= (outcome?.output?.bytes.count ?? 0) + (outcome?.error?.bytes.count ?? 0)
            if left < 0, !ends.isEmpty { break }
            ends.append(GroupEnd(sequence: item.sequence, child: firstRun(of: child), outcome: outcome))
        }
        return ends
    }

    mutating func removeInbox(of workflow: WorkflowNumber) {
        guard let queue = inbox.removeValue(forKey: workflow) else { return }
        inboxRows -= queue.count
        trimArrivals()
    }

    /// Whatever goes on in the place of the workflow may receive it.
    mutating func keepUnread(of workflow: WorkflowNumber) {
        let mail = (inbox[workflow].map { Array($0.all) } ?? []).filter(\.isMail)
        if !mail.isEmpty { unread[workflow] = mail }
    }

    /// What the workflow had not received is there for another.
    mutating func moveUnread(of workflow: WorkflowNumber, to number: WorkflowNumber) {
        for var item in unread.removeValue(forKey: workflow) ?? [] {
            (item.workflow, item.isSeen) = (number, false)
            deliver(item)
        }
    }

    /// The workflows of the rows behind `position` that are still there, each once, in the order of arrival; and the new position.
    func arrivals(after position: Int64) -> (workflows: [WorkflowNumber], position: Int64) {
        var seen: Set<WorkflowNumber> = []
        var workflows: [WorkflowNumber] = []
        let start = arrivalLog.firstIndex(notBelow: position + 1) { $0.sequence }
        for arrival in arrivalLog[start...] where isNew(arrival) && seen.insert(arrival.workflow).inserted {
            workflows.append(arrival.workflow)
        }
        return (workflows, lastSequence)
    }

    func inbox(of numbers: [WorkflowNumber]) -> [InboxItem] {
        var items: [InboxItem] = []
        for number in Set(numbers) {
            items += visible(number)
        }
        return items.sorted { $0.sequence < $1.sequence }
    }

    /// What is read of an inbox: of the ends of groups, the first that is not seen.
    func visible(_ number: WorkflowNumber) -> [InboxItem] {
        guard let queue = inbox[number] else { return [] }
        var hasSign = false
        return queue.all.filter { item in
            guard item.kind == .groupEnded else { return true }
            if item.isSeen || hasSign { return false }
            hasSign = true
            return true
        }
    }

    private func isThere(_ arrival: Arrival) -> Bool { inbox[arrival.workflow]?.index(of: arrival.sequence) { $0.sequence } != nil }

    private func isNew(_ arrival: Arrival) -> Bool {
        guard let queue = inbox[arrival.workflow], let index = queue.index(of: arrival.sequence, by: { $0.sequence }) else { return false }
        return !queue.all[index].isSeen
    }

    private mutating func trimArrivals() {
        guard arrivalLog.count > 2 * inboxRows + 64 else { return }
        arrivalLog = arrivalLog.filter(isThere)
    }
}
