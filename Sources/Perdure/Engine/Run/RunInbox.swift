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
        // These are read by the page, when the code asks for them.
        if item.kind == .groupEnded { return }
        if seen.insert(item.sequence).inserted { waiting.append(item) }
    }

    /// A terminate does not wait for replay.
    var isTerminated: Bool { waiting.contains { $0.kind == .terminate } }

    /// Whether an operator has asked for a pause, which does not wait for replay; it is asked once.
    mutating func takePause() -> Bool {
        let (pauses, others) = waiting.partitioned { $0.isPause }
        waiting = others
        return !pauses.isEmpty
    }

    struct Due {
        /// The rows of cancels; one of them is recorded, if none is yet.
        var cancels: [Int64] = []
        var endings: [(child: WorkflowNumber, key: String, sequence: Int64)] = []
        /// Messages and requests.
        var mail: [InboxItem] = []
        /// What operators ask of steps.
        var interventions: [InboxItem] = []
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
            case .message, .request:
                due.mail.append(item)
            case .intervention:
                due.interventions.append(item)
            case .terminate, .groupEnded:
                break
            }
        }
        waiting = []
        return due
    }

    /// Messages and requests alone.
    mutating func takeMail() -> [InboxItem] {
        let (mail, others) = waiting.partitioned { $0.kind == .message || $0.kind == .request }
        waiting = others
        return mail
    }

    /// Rows that stay where they are: of children that the code has not started in this life.
    var unclaimed: [Int64] { Array(ended.values) }

    /// The code has started a child; returns the row if it has ended already.
    mutating func know(_ child: WorkflowNumber, _ key: String) -> Int64? {
        if let sequence = ended.removeValue(forKey: child) { return sequence }
        known[child] = key
        return nil
    }
}
