import Perdure

/// A history that is written by hand.
struct Past {
    var steps: [StepRecord] = []
    var pending: [PendingRecord] = []
    var outcome: Outcome?
    var name = Act.name
    var input = EncodedPayload(codec: 1, bytes: Array("\"\"".utf8))

    /// Steps of these names, each with its name as the result.
    init(_ names: String...) {
        for name in names { add(name) }
    }

    mutating func add(_ key: String, _ kind: StepKind = .step, isPlaced: Bool = true, output: String? = nil) {
        let text = kind == .timer || kind == .patch ? nil : output ?? "\"\(key)\""
        steps.append(
            StepRecord(
                workflow: 7, key: key, order: isPlaced ? Int64(steps.count + 1) : nil, kind: kind, output: text.map(Self.json), started: 1,
                finished: 2))
    }

    mutating func begin(_ key: String) { pending.append(PendingRecord(workflow: 7, key: key, attempt: 1, started: 1)) }

    mutating func end(_ status: OutcomeStatus = .completed, output: String? = nil) {
        outcome = Outcome(workflow: 7, status: status, output: output.map(Self.json), finished: 3)
    }

    var history: HistoryExport {
        HistoryExport(
            RecordedHistory(
                record: WorkflowRecord(number: 7, id: "act", lane: Lane(workflow: name), input: input, created: 0), steps: steps,
                pending: pending, outcome: outcome))
    }

    private static func json(_ text: String) -> EncodedPayload { EncodedPayload(codec: 1, bytes: Array(text.utf8)) }
}

extension Past {
    /// The verdict of some code on it.
    func verdict(
        timeLimit: Duration? = .seconds(60), _ code: @escaping @Sendable (WorkflowContext) async throws -> String
    ) async throws -> ReplayVerdict {
        try await Replayer { Act(code) }.replay(history, timeLimit: timeLimit).verdict
    }

    func divergence(_ code: @escaping @Sendable (WorkflowContext) async throws -> String) async throws -> ReplayDivergence? {
        if case .diverged(let divergence) = try await verdict(code) { divergence } else { nil }
    }
}
