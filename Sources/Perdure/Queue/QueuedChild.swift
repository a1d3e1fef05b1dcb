/// How a child waits in a queue.
public struct ChildQueueOptions: Sendable, Hashable {
    /// Whose work it is: keys take turns, and have limits of their own.
    public var key: String
    /// 0 to 9; the lower number goes first.
    public var priority: Int

    /// Makes options.
    public init(key: String = "", priority: Int = 0) {
        self.key = key
        self.priority = priority
    }
}

/// A child that takes its turn in a queue.
struct QueuedChild: Sendable {
    let queue: Queue
    let options: ChildQueueOptions

    init?(_ queue: Queue?, _ options: ChildQueueOptions) {
        guard let queue else { return nil }
        (self.queue, self.options) = (queue, options)
    }

    func check(_ name: String) throws(WorkflowError) {
        _ = try EnqueueRequest(name: name, queue: queue, options: EnqueueOptions(key: options.key, priority: options.priority))
        guard queue.singleton == nil else {
            throw WorkflowError(
                .invalidDeclaration,
                "queue '\(queue.name)' holds one workflow of a key, and a child is always a workflow of its own: use another queue, or an id"
            )
        }
    }
}
