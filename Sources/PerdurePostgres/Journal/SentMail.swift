internal import Perdure

/// Names a row of history.
struct StepID: Hashable {
    let workflow: WorkflowNumber
    let key: String

    init(_ step: StepRecord) { (workflow, key) = (step.workflow, step.key) }

    init(_ workflow: WorkflowNumber, _ key: String) { (self.workflow, self.key) = (workflow, key) }
}

/// What became of the messages of a batch, and what else was refused.
struct SentMail {
    private var sent: [StepID: (receiver: WorkflowNumber, sequence: Int64)] = [:]
    private var refused: Set<StepID> = []

    /// Of the rows of `perdure_effects` and `perdure_attributes`.
    init(_ results: [Rows]) {
        for rows in results { read(rows) }
    }

    private mutating func read(_ rows: Rows) {
        for row in 0..<rows.count {
            switch rows.int16(row, 1) {
            case 1: sent[StepID(rows.int(row, 2), rows.text(row, 3))] = (rows.int(row, 4), rows.int(row, 5))
            case 2, 3: refused.insert(StepID(rows.int(row, 2), rows.text(row, 3)))
            default: break
            }
        }
    }

    func settle(_ commands: [Command], _ results: inout [CommandResult]) {
        if sent.isEmpty, refused.isEmpty { return }
        for (index, command) in commands.enumerated() {
            guard case .effect(var step, let effect) = command, let refusal = effect.refusal else { continue }
            if let (receiver, sequence) = sent[StepID(step)] {
                results[index] = .sent(to: receiver, sequence: sequence)
            } else if refused.contains(StepID(step)) {
                step.error = refusal
                results[index] = .recorded(step)
            }
        }
    }
}

extension StepEffect {
    /// What is recorded where it cannot be.
    fileprivate var refusal: EncodedPayload? {
        switch self {
        case .send(_, _, let refusal), .setAttributes(_, let refusal): refusal
        case .publish, .append, .reply: nil
        }
    }
}
