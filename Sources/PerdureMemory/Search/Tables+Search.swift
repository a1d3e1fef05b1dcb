internal import Perdure

extension Tables {
    /// Looks at every workflow: no test has so many that it matters.
    func search(_ request: SearchRequest) -> [SummaryRecord] {
        let found = matching(request.filter, now: request.now).filter { number in
            switch request.extent {
            case .all: break
            case .upTo(let last): if number > last { return false }
            case .continuing(let last): if number <= last || firstRun(of: number) > last { return false }
            }
            guard let after = request.after else { return true }
            return request.newestFirst ? number < after : number > after
        }
        let sorted = found.sorted { request.newestFirst ? $0 > $1 : $0 < $1 }
        return sorted.prefix(max(0, request.limit)).compactMap { number in
            guard let record = workflows[number] else { return nil }
            let parentID = record.parent.map { workflows[$0.number]?.id ?? Names.publicID($0.number) }
            return SummaryRecord(status: summary(record), parentID: parentID)
        }
    }

    func count(_ filter: WorkflowFilter, now: Microseconds, upTo limit: Int) -> Int {
        min(max(0, limit), matching(filter, now: now).count)
    }

    private func matching(_ filter: WorkflowFilter, now: Microseconds) -> [WorkflowNumber] {
        let plan = FilterPlan(filter, now: now)
        let evaluator = FilterEvaluator(tables: self, now: now)
        return workflows.values.filter { record in
            plan.conditions.allSatisfy { evaluator.matches($0, record) }
                && (plan.states.map { $0.contains(evaluator.state(record)) } ?? true)
        }.map(\.number)
    }

    /// As in a list.
    func summary(_ record: WorkflowRecord) -> StatusRecord {
        let row = live[record.number]
        var record = record
        record.input = .void
        var status = StatusRecord(
            record: record, live: row?.state, executor: row?.executor, due: row?.due, crashes: row?.crashes ?? 0,
            reason: asides[record.number])
        status.outcome = outcomes[record.number].map { Outcome(workflow: $0.workflow, status: $0.status, finished: $0.finished) }
        return status
    }
}
