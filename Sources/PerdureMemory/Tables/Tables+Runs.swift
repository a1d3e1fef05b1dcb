internal import Perdure

extension Tables {
    /// What is to become of a new run, before anything is done; nil: it is to be started.
    func judge(_ succession: Succession, after uncommitted: UncommittedStarts? = nil) throws(StoreError) -> SuccessionResult? {
        let (number, previous) = (succession.record.number, succession.link.previous)
        try validate(succession.record)
        for key in succession.inherited.unordered { try Limits.check(key: key, "a step's key") }
        for text in [succession.link.by, succession.link.reason, succession.link.step].compactMap(\.self) {
            try Limits.check(text: text, "what is said of a new run")
        }
        if let known = uncommitted?.records[number] ?? workflows[number] {
            guard known.isResend(of: succession.record) else { throw Self.numberTaken(number) }
            return .started
        }
        guard let earlier = workflows[previous] else { return .unknown }
        if outcomes[previous] == nil { return .open }
        if let redriven = letters[previous]?.redriven { return .superseded(by: redriven) }
        let id = ExactText(succession.record.id ?? Names.publicID(previous))
        let newest = uncommitted?.ids[id] ?? ids[id] ?? previous
        if newest != previous { return .superseded(by: newest) }
        return earlier.id == nil || earlier.id == succession.record.id ? nil : .unknown
    }

    mutating func succeed(_ succession: Succession) throws(StoreError) -> SuccessionResult {
        if let answer = try judge(succession) { return answer }
        begin(succession)
        return .started
    }

    /// Of one that was judged.
    mutating func begin(_ succession: Succession) {
        let (record, inherited) = (succession.record, succession.inherited)
        workflows[record.number] = record
        if let id = record.id { ids[ExactText(id)] = record.number }
        links[record.number] = succession.link
        copySteps(of: succession.link.previous, to: record.number, inherited)
        for event in inherited.events { events[record.number, default: [:]][ExactText(event.name)] = event }
        for value in inherited.streams { append(value) }
        letters[succession.link.previous]?.redriven = record.number
        insertReady(record, returned: succession.isBegun)
        for item in inherited.inbox { deliver(item) }
        if inherited.keepsMail { keepMail(of: succession.link.previous, for: record.number) }
    }

    /// A key of a request goes with its answer, or with the request itself.
    private mutating func keepMail(of previous: WorkflowNumber, for number: WorkflowNumber) {
        moveUnread(of: previous, to: number)
        let first = firstRun(of: previous)
        for (var key, var reply) in replies where key.workflow == first {
            if reply.run == previous {
                guard let step = reply.step, steps[number]?[step] != nil else { continue }
                reply.run = number
            }
            (key.workflow, reply.record.workflow) = (number, number)
            replies[key] = reply
        }
        let waiting = Set((inbox[number].map { Array($0.all) } ?? []).compactMap { MessageKey($0, to: number) })
        for var key in messageKeys where key.workflow == first {
            key.workflow = number
            if key.kind == .message || replies[key] != nil || waiting.contains(key) { messageKeys.insert(key) }
        }
    }

    /// The first of those that were continued as this one.
    func firstRun(of number: WorkflowNumber) -> WorkflowNumber { links[number]?.chain?.first ?? number }

    /// The last of those as which this one was continued.
    func newestRun(of number: WorkflowNumber) -> WorkflowNumber {
        newestRuns.isEmpty ? number : newestRuns[firstRun(of: number)] ?? number
    }

    /// The end of a run and the beginning of the next, if it is the executor's.
    mutating func goOn(_ continuation: Continuation, by executor: ExecutorID) {
        let (previous, number) = (continuation.previous, continuation.number)
        guard isOwned(previous, by: executor), let earlier = workflows[previous] else { return }
        removeLive(previous)
        outcomes[previous] = continuation.outcome
        pending[previous] = nil
        let record = continuation.record(after: earlier)
        workflows[number] = record
        if let id = record.id { ids[ExactText(id)] = number }
        links[number] = continuation.link
        newestRuns[continuation.chain.first] = number
        insertOwned(record, by: executor)
        live[number]?.wasReturned = true
        slots.give(allOf: previous, to: number)
        moveInbox(of: previous, to: number, behind: continuation.inbox)
        for item in continuation.closing { deliver(item) }
    }

    private mutating func moveInbox(of previous: WorkflowNumber, to number: WorkflowNumber, behind first: [InboxItem]) {
        let left = inbox[previous].map { Array($0.all) } ?? []
        removeInbox(of: previous)
        var rows: [InboxItem] = []
        for var item in first.reversed() {
            lastSequence += 1
            // Before all that is there.
            (item.sequence, item.workflow) = (-lastSequence, number)
            rows.insert(item, at: 0)
        }
        for var item in left where item.movesOn {
            (item.workflow, item.isSeen) = (number, false)
            rows.append(item)
            if item.isPause || [.cancel, .terminate].contains(item.kind),
                let place = interventions[previous]?.firstIndex(where: { $0.number == item.reference }),
                var intervention = interventions[previous]?.remove(at: place)
            {
                intervention.workflow = number
                interventions[number, default: []].append(intervention)
            }
        }
        if !rows.isEmpty { inbox[number] = FIFO(rows) }
        inboxRows += rows.count
    }

    private mutating func copySteps(of previous: WorkflowNumber, to number: WorkflowNumber, _ inherited: Inheritable) {
        let unordered = Set(inherited.unordered.map(ExactText.init))
        for var row in steps[previous]?.all ?? [] {
            if let order = row.order, order < inherited.before {
                row.workflow = number
            } else if unordered.contains(ExactText(row.key)) {
                (row.workflow, row.order) = (number, nil)
            } else {
                continue
            }
            _ = steps[number, default: StepTable()].insert(row)
        }
    }
}
