/// Outcomes of children whose parents are in memory here: a short cut, for what is not here is read from the database.
struct RecentOutcomes {
    private var outcomes: [WorkflowNumber: Outcome] = [:]
    private(set) var bytes = 0
    let countLimit: Int
    let byteLimit: Int

    init(countLimit: Int = 10_000, byteLimit: Int = 16 << 20) {
        self.countLimit = countLimit
        self.byteLimit = byteLimit
    }

    var count: Int { outcomes.count }

    /// What is not asked for (its parent has ended, or left memory) goes with the rest when there is no more room.
    mutating func insert(_ outcome: Outcome) {
        _ = take(outcome.workflow)
        guard outcome.size <= byteLimit else { return }
        if outcomes.count >= countLimit || bytes + outcome.size > byteLimit {
            outcomes = [:]
            bytes = 0
        }
        outcomes[outcome.workflow] = outcome
        bytes += outcome.size
    }

    mutating func take(_ number: WorkflowNumber) -> Outcome? {
        guard let outcome = outcomes.removeValue(forKey: number) else { return nil }
        bytes -= outcome.size
        return outcome
    }
}

extension Outcome {
    fileprivate var size: Int { 64 + (output?.bytes.count ?? 0) + (error?.bytes.count ?? 0) }
}
