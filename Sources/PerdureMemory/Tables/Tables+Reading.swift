internal import Perdure

extension Tables {
    func load(_ numbers: [WorkflowNumber], limit: Int) -> [LoadedWorkflow] {
        var seen: Set<WorkflowNumber> = []
        return numbers.compactMap { number in
            guard seen.insert(number).inserted, let record = workflows[number] else { return nil }
            let page = steps[number]?.page(after: .min, limit: limit)
            return LoadedWorkflow(
                record: record, history: page?.rows ?? [], isComplete: page?.isComplete ?? true, unordered: steps[number]?.unordered ?? [],
                pending: pendingRows(of: number), inbox: visible(number),
                patches: page?.isComplete == false ? Set((steps[number]?.all ?? []).filter { $0.kind == .patch }.map(\.key)) : [],
                origin: links[number]?.origin)
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
        status.link = links[number]
        if row?.state == .paused { status.pause = lastPause(of: number) }
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
    func openChildren(of numbers: [WorkflowNumber]) -> [WorkflowNumber: [OpenChild]] {
        let asked = Set(numbers)
        var children: [WorkflowNumber: [OpenChild]] = [:]
        for child in live.keys.sorted() {
            guard let parent = workflows[child]?.parent, asked.contains(parent.number) else { continue }
            children[parent.number, default: []].append(
                OpenChild(number: child, first: firstRun(of: child), closePolicy: parent.closePolicy))
        }
        return children
    }

    private func pendingRows(of number: WorkflowNumber) -> [PendingRecord] {
        guard let rows = pending[number]?.values else { return [] }
        return rows.sorted { $0.started != $1.started ? $0.started < $1.started : $0.key < $1.key }
    }
}
