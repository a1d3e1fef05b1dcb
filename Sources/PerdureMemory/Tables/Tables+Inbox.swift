internal import Perdure

extension Tables {
    /// Puts a row into the inbox of a workflow that is still open; nothing otherwise.
    mutating func deliver(_ item: InboxItem) {
        guard live[item.workflow] != nil else { return }
        lastSequence += 1
        var item = item
        item.sequence = lastSequence
        inbox[item.workflow, default: FIFO()].append(item)
        inboxRows += 1
        arrivalLog.append(Arrival(sequence: lastSequence, workflow: item.workflow))
    }

    /// As `deliver`, but not a second time what is there already: a command may be sent again.
    mutating func deliverOnce(_ item: InboxItem) {
        let isThere = inbox[item.workflow]?.all.contains { row in
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

    mutating func removeInbox(of workflow: WorkflowNumber) {
        guard let queue = inbox.removeValue(forKey: workflow) else { return }
        inboxRows -= queue.count
        trimArrivals()
    }

    /// The workflows of the rows behind `position` that are still there, each once, in the order of arrival; and the new position.
    func arrivals(after position: Int64) -> (workflows: [WorkflowNumber], position: Int64) {
        var seen: Set<WorkflowNumber> = []
        var workflows: [WorkflowNumber] = []
        let start = arrivalLog.firstIndex(notBelow: position + 1) { $0.sequence }
        for arrival in arrivalLog[start...] where isThere(arrival) && seen.insert(arrival.workflow).inserted {
            workflows.append(arrival.workflow)
        }
        return (workflows, lastSequence)
    }

    func inbox(of numbers: [WorkflowNumber]) -> [InboxItem] {
        var items: [InboxItem] = []
        for number in Set(numbers) {
            if let queue = inbox[number] { items.append(contentsOf: queue.all) }
        }
        return items.sorted { $0.sequence < $1.sequence }
    }

    private func isThere(_ arrival: Arrival) -> Bool { inbox[arrival.workflow]?.index(of: arrival.sequence) { $0.sequence } != nil }

    private mutating func trimArrivals() {
        guard arrivalLog.count > 2 * inboxRows + 64 else { return }
        arrivalLog = arrivalLog.filter(isThere)
    }
}
