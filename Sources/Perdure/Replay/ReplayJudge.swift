/// What came of a replay: pure.
///
/// Says what an ordinary run would be set aside for at this point, and besides what it would only come to when it went on: what is begun or
/// committed and that the code does not ask for.
struct ReplayJudge {
    let history: RecordedHistory
    let glance: ReplayGlance
    /// What the code ended with, as it would be recorded.
    let end: Outcome?

    /// The run would set the workflow aside.
    func verdict(on error: WorkflowError) -> ReplayVerdict {
        switch error.code {
        case .nondeterminism: .diverged(divergence(error))
        case .undecodable: .undecodable(error.message)
        case .intrusion: .intrusion(error.message)
        case .notDurable: .stuck(error.message)
        default: .failed(error.description)
        }
    }

    private func divergence(_ error: WorkflowError) -> ReplayDivergence {
        let place = history.steps.first { $0.order == glance.lastOrder }
        // A place names the row that it gives one to.
        let named = place?.kind == .order ? place?.orderedKey.flatMap { key in history.steps.first { $0.key == key } } : nil
        let record =
            named ?? place ?? StepRecord(workflow: history.record.number, key: "", order: nil, kind: .step, started: 0, finished: 0)
        var divergence = ReplayDivergence(
            record, place: glance.lastOrder, glance, what: "the history holds \(ReplayedCall(key: record.key, kind: record.kind)) next")
        // The row that a place names is missing.
        if place?.kind == .order, named == nil { divergence.reason = error.message }
        return divergence
    }

    /// The history is used up.
    var verdictAtTheEnd: ReplayVerdict {
        if case .failure(let error as InputError) = glance.result { return .undecodable(error.error.message) }
        if let left = leftBehind { return .diverged(left) }
        if glance.result == nil, glance.asked.isEmpty, !glance.isUnderWay { return .stuck(WorkflowError.stuck.message) }
        return history.outcome.map(verdict) ?? .consistent
    }

    /// What was begun or committed in an earlier life and is not asked for: the code has taken another way to this point.
    private var leftBehind: ReplayDivergence? {
        for record in glance.unplaced where !glance.asks(for: record.key, as: record.kind) {
            let what = "the history holds \(ReplayedCall(key: record.key, kind: record.kind)), which has committed"
            return ReplayDivergence(record, place: nil, glance, what: what)
        }
        for row in glance.begun where !glance.asks(for: row.key, as: .step) {
            let record = StepRecord(workflow: row.workflow, key: row.key, order: nil, kind: .step, started: row.started, finished: 0)
            return ReplayDivergence(
                record, place: nil, glance, what: "\(ReplayedCall(key: row.key, kind: .step)) was begun, and has not completed")
        }
        return nil
    }

    /// Of a workflow that has ended, by its own code.
    private func verdict(on recorded: Outcome) -> ReplayVerdict {
        let wasCancelled = history.steps.contains { $0.kind == .cancel }
        switch recorded.status {
        case .completed, .failed, .continued: break
        case .cancelled, .timedOut: if !wasCancelled { return .consistent }
        // Its code was not asked.
        case .terminated, .expired: return .consistent
        }
        guard let end else {
            let asked = glance.asked.map(\.description).joined(separator: ", ")
            return .otherOutcome(recorded: shown(recorded), replayed: "open, waiting for \(asked)")
        }
        if end.status == recorded.status, end.output == recorded.output, end.error == recorded.error { return .consistent }
        return .otherOutcome(recorded: shown(recorded), replayed: shown(end))
    }

    private func shown(_ outcome: Outcome) -> String {
        let payload = outcome.output ?? outcome.error
        let text = payload.map { $0.codec == 1 ? String(decoding: $0.bytes.prefix(200), as: UTF8.self) : "\($0.bytes.count) bytes" } ?? ""
        return "\(WorkflowStatus.State(outcome.status).rawValue) \(text)"
    }
}
