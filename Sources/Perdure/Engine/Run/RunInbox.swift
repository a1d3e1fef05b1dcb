/// What has arrived for a workflow and is not recorded yet: pure.
struct RunInbox {
    private var seen: Set<Int64> = []
    private var waiting: [InboxItem] = []
    /// Children that have ended, with the rows that say so.
    private var ended: [WorkflowNumber: Int64] = [:]
    /// Children that the code has started, with the keys of their results.
    private var known: [WorkflowNumber: String] = [:]

    init(_ items: [InboxItem]) {
        for item in items { add(item) }
    }

    mutating func add(_ item: InboxItem) {
        if seen.insert(item.sequence).inserted { waiting.append(item) }
    }

    /// A terminate does not wait for replay.
    var isTerminated: Bool { waiting.contains { $0.kind == .terminate } }

    struct Due {
        /// The rows of cancels; one of them is recorded, if none is yet.
        var cancels: [Int64] = []
        var endings: [(child: WorkflowNumber, key: String, sequence: Int64)] = []
    }

    /// What can be recorded now that replay has caught up.
    mutating func take() -> Due {
        var due = Due()
        for item in waiting {
            switch item.kind {
            case .cancel:
                due.cancels.append(item.sequence)
            case .childEnded:
                guard let child = item.reference else { continue }
                if let key = known.removeValue(forKey: child) {
                    due.endings.append((child, key, item.sequence))
                } else {
                    ended[child] = item.sequence
                }
            case .terminate:
                break
            }
        }
        waiting = []
        return due
    }

    /// The code has started a child; returns the row if it has ended already.
    mutating func know(_ child: WorkflowNumber, _ key: String) -> Int64? {
        if let sequence = ended.removeValue(forKey: child) { return sequence }
        known[child] = key
        return nil
    }
}
