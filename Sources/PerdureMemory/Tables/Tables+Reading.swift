internal import Perdure

extension Tables {
    func load(_ numbers: [WorkflowNumber], limit: Int) -> [LoadedWorkflow] {
        var seen: Set<WorkflowNumber> = []
        return numbers.compactMap { number in
            guard seen.insert(number).inserted, let record = workflows[number] else { return nil }
            let page = steps[number]?.page(after: .min, limit: limit)
            return LoadedWorkflow(
                record: record, history: page?.rows ?? [], isComplete: page?.isComplete ?? true, unordered: steps[number]?.unordered ?? [],
                pending: pendingRows(of: number), inbox: inbox[number].map { Array($0.all) } ?? [])
        }
    }

    func history(of number: WorkflowNumber, after order: Int64, limit: Int) -> [StepRecord] {
        steps[number]?.page(after: order, limit: limit).rows ?? []
    }

    func status(of number: WorkflowNumber, now: Microseconds) -> StatusRecord? {
        guard let record = workflows[number] else { return nil }
        let row = live[number]
        var status = StatusRecord(
            record: record, live: row?.state, executor: row?.executor, due: row?.due, crashes: row?.crashes ?? 0, reason: asides[number],
            outcome: outcomes[number], pending: pendingRows(of: number),
            isServed: outcomes[number] == nil ? isServed(record.lane, now: now) : nil)
        if let row, row.state == .ready, row.due ?? .min <= now {
            status.wait = wait(of: record, isReturned: row.wasReturned, now: now)
        }
        return status
    }

    /// Whether an executor is alive that can run it.
    func isServed(_ lane: Lane, now: Microseconds) -> Bool {
        executors.values.contains { $0.until > now && $0.repertoire.contains(lane) }
    }

    func endings(of numbers: [WorkflowNumber]) -> [Ending] {
        numbers.compactMap { number in
            if let outcome = outcomes[number] { return .outcome(outcome) }
            return asides[number].map { .setAside(number, reason: $0) }
        }
    }

    /// Looks at all that is open: no test has so much that it matters.
    func openChildren(of number: WorkflowNumber) -> [OpenChild] {
        live.keys.sorted().compactMap { child in
            guard let parent = workflows[child]?.parent, parent.number == number else { return nil }
            return OpenChild(number: child, closePolicy: parent.closePolicy)
        }
    }

    private func pendingRows(of number: WorkflowNumber) -> [PendingRecord] {
        guard let rows = pending[number]?.values else { return [] }
        return rows.sorted { $0.started != $1.started ? $0.started < $1.started : $0.key < $1.key }
    }
}
