// How a history and the code that runs over it can differ.

extension RunState {
    func unexpected(_ record: StepRecord) -> WorkflowError {
        let asked = waits.keys.sorted().prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        let code = rootResult != nil ? "the code has ended" : asked.isEmpty ? "the code waits for nothing" : "the code waits for \(asked)"
        return WorkflowError(
            .nondeterminism,
            "the history holds '\(record.key)' (\(record.kind)) next, but \(code): the workflow was changed under its history, or takes another path on each run"
        )
    }

    func otherKind(_ record: StepRecord, _ wait: Wait) -> WorkflowError {
        WorkflowError(
            .nondeterminism,
            "the history holds '\(record.key)' as a \(record.kind), but the code asks for a \(wait.kind): the workflow was changed under its history"
        )
    }
}
