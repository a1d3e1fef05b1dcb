/// What happens to a child that is open when its parent closes; as Temporal's parent-close policy.
public enum ParentClosePolicy: Sendable, Hashable {
    /// The child is terminated. The default.
    case terminate
    /// The child is asked to cancel.
    case cancel
    /// The child goes on; the deadline of its parent is not its own.
    case abandon

    var stored: StoredClosePolicy {
        switch self {
        case .terminate: .terminate
        case .cancel: .cancel
        case .abandon: .abandon
        }
    }
}

/// A child that has been started; its result can be awaited in the workflow that started it.
public struct ChildHandle<Output: Sendable>: Sendable {
    /// The child's public id.
    public var id: String { reference.id }

    let reference: ChildReference
    let key: String
    let context: WorkflowContext
}

extension ChildHandle where Output: Codable {
    /// What the child returned; throws what it threw.
    ///
    /// May be awaited once.
    public func result() async throws -> Output {
        let record = try await context.childResult(key, reference)
        return try context.decoded(Output.self, record.output, "the result of child \(id)")
    }
}

extension ChildHandle where Output == Void {
    /// Waits for the child's end; throws what it threw.
    ///
    /// May be awaited once.
    public func result() async throws { _ = try await context.childResult(key, reference) }
}

extension WorkflowContext {
    /// Runs another workflow as a child and returns its result.
    ///
    /// The child is a workflow of its own: it may run on another engine.
    ///
    /// When the task that waits is cancelled the child is asked to cancel, and waited for.
    ///
    /// - Parameters:
    ///   - type: The child's type; it need not be registered here, if another engine has it.
    ///   - input: What it is given.
    ///   - id: The child's own id; Perdure makes one if none is given. An id that another workflow has is an error.
    ///   - onClose: What happens to it if this workflow ends before it.
    ///   - queue: Where it waits for its turn; without one it begins at once.
    ///   - options: Its key and its priority there.
    ///   - attributes: What it is found by; none of its parent's, unless they are given here.
    public func child<Child: Workflow>(
        _ type: Child.Type, _ input: Child.Input, id: String? = nil, onClose: ParentClosePolicy = .terminate, on queue: Queue? = nil,
        options: ChildQueueOptions = ChildQueueOptions(), attributes: [String: SearchAttribute] = [:]
    ) async throws -> Child.Output where Child.Input: Codable, Child.Output: Codable {
        try await startChild(type, input, id: id, onClose: onClose, on: queue, options: options, attributes: attributes).result()
    }

    /// Runs another workflow that returns nothing as a child.
    public func child<Child: Workflow>(
        _ type: Child.Type, _ input: Child.Input, id: String? = nil, onClose: ParentClosePolicy = .terminate, on queue: Queue? = nil,
        options: ChildQueueOptions = ChildQueueOptions(), attributes: [String: SearchAttribute] = [:]
    ) async throws where Child.Input: Codable, Child.Output == Void {
        try await startChild(type, input, id: id, onClose: onClose, on: queue, options: options, attributes: attributes).result()
    }

    /// Runs another workflow that takes nothing as a child.
    public func child<Child: Workflow>(
        _ type: Child.Type, id: String? = nil, onClose: ParentClosePolicy = .terminate, on queue: Queue? = nil,
        options: ChildQueueOptions = ChildQueueOptions(), attributes: [String: SearchAttribute] = [:]
    ) async throws -> Child.Output where Child.Input == Void, Child.Output: Codable {
        try await startChild(type, id: id, onClose: onClose, on: queue, options: options, attributes: attributes).result()
    }

    /// Runs another workflow that takes and returns nothing as a child.
    public func child<Child: Workflow>(
        _ type: Child.Type, id: String? = nil, onClose: ParentClosePolicy = .terminate, on queue: Queue? = nil,
        options: ChildQueueOptions = ChildQueueOptions(), attributes: [String: SearchAttribute] = [:]
    ) async throws where Child.Input == Void, Child.Output == Void {
        try await startChild(type, id: id, onClose: onClose, on: queue, options: options, attributes: attributes).result()
    }

    /// Starts a child, and goes on when its start is durable.
    public func startChild<Child: Workflow>(
        _ type: Child.Type, _ input: Child.Input, id: String? = nil, onClose: ParentClosePolicy = .terminate, on queue: Queue? = nil,
        options: ChildQueueOptions = ChildQueueOptions(), attributes: [String: SearchAttribute] = [:]
    ) async throws -> ChildHandle<Child.Output> where Child.Input: Codable {
        let payload = try run.coder.encode(input, what: "the input of child '\(Child.name)'")
        return try await startChild(Child.name, payload, id, onClose, QueuedChild(queue, options), attributes)
    }

    /// Starts a child that takes nothing, and goes on when its start is durable.
    public func startChild<Child: Workflow>(
        _ type: Child.Type, id: String? = nil, onClose: ParentClosePolicy = .terminate, on queue: Queue? = nil,
        options: ChildQueueOptions = ChildQueueOptions(), attributes: [String: SearchAttribute] = [:]
    ) async throws -> ChildHandle<Child.Output> where Child.Input == Void {
        try await startChild(Child.name, .void, id, onClose, QueuedChild(queue, options), attributes)
    }

    private func startChild<Output>(
        _ name: String, _ input: EncodedPayload, _ id: String?, _ onClose: ParentClosePolicy, _ place: QueuedChild?,
        _ attributes: [String: SearchAttribute]
    ) async throws -> ChildHandle<Output> {
        try await enter("child '\(name)'")
        try Names.check(name, "the name of a child")
        if let id { try Names.check(id, "the id of child '\(name)'") }
        try place?.check(name)
        let attributes = try SearchAttribute.stored(attributes)
        let base = "@child:" + Names.key(name, id: id)
        let record = try await call(base, .childStart) { key in
            ChildStart(run: run, key: key, name: name, id: id, input: input, onClose: onClose, place: place, attributes: attributes).start()
        }
        let reference = try decoded(ChildReference.self, succeeded(record).output, "the recorded start of child '\(name)'")
        run.state.withLock { $0.addChild(reference, startedAs: record.key) }
        // From now on its end is recorded when it comes, whether it is awaited or not.
        let key = Self.resultKey(ofStart: record.key)
        if let sequence = run.inbox.withLock({ $0.know(reference.number, key) }) {
            run.read([(reference.number, key, sequence)])
        }
        return ChildHandle(reference: reference, key: key, context: self)
    }

    static func resultKey(ofStart key: String) -> String { key + "/result" }

    func childResult(_ key: String, _ child: ChildReference) async throws -> StepRecord {
        // Also in a task that is cancelled: the child is asked to cancel then, and waited for.
        try await enter("the result of child \(child.id)", isCancellable: false)
        guard run.state.withLock({ $0.claimResult(key) }) else {
            throw WorkflowError(.ambiguousStep, "the result of child \(child.id) is awaited a second time: keep the first result")
        }
        defer { run.state.withLock { $0.removeChild(child.number) } }
        if let record = run.state.withLock({ $0.takeEarly(key) }) { return try succeeded(record) }
        let record = try await call(key, .childResult) { key in
            run.state.withLock {
                $0.setCancelWork(key) { [run] in run.host.deliver(InboxItem(workflow: child.number, kind: .cancel)) }
            }
        }
        return try succeeded(record)
    }
}
