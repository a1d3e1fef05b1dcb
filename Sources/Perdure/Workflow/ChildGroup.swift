/// How one of the children that were started together has ended.
public struct ChildEnd<Output: Sendable>: Sendable {
    /// The place of its input among those that ``WorkflowContext/startChildren(_:_:onClose:on:options:attributes:)->ChildGroup<Child.Output>`` was given, from 0.
    public let index: Int
    /// The child's public id.
    public let id: String
    /// What it returned, or threw.
    public let result: Result<Output, any Error>

    /// What it returned; throws what it threw.
    public var output: Output {
        get throws { try result.get() }
    }
}

/// Children that were started together; yields the end of each, in the order in which they end.
///
/// ```swift
/// let children = try await context.startChildren(Resize.self, images)
/// for try await child in children {
///     sizes[child.index] = try child.output
/// }
/// ```
///
/// The order is recorded: a replay takes the same. Ends wait in the database until they are asked for, so the size of the group costs no memory.
/// Each end is given once, however often the sequence is iterated: after a `break`, the next loop goes on behind it. Only one task may wait for the
/// next at a time.
///
/// When the task that waits is cancelled the children that are open are asked to cancel, and waited for.
public struct ChildGroup<Output: Sendable>: AsyncSequence, Sendable {
    /// How many children it has.
    public let count: Int

    let context: WorkflowContext
    let key: String
    let blocks: [ChildBlock]
    let cursor = GroupCursor()
    let decode: @Sendable (EncodedPayload?, String) throws -> Output

    /// The public id of the child at this place.
    public func id(at index: Int) -> String {
        precondition(index >= 0 && index < count, "a group of \(count) children has none at \(index)")
        return Names.publicID(blocks.number(at: index) ?? 0)
    }

    /// Goes on where the last has stopped.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(group: self) }

    /// Reads pages of ends.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let group: ChildGroup

        /// The next end; nil when all have ended.
        public mutating func next() async throws -> ChildEnd<Output>? { try await group.next() }
    }

    private func next() async throws -> ChildEnd<Output>? {
        if let member = cursor.take() { return try end(member) }
        if cursor.given == count { return nil }
        let page = try await cursor.waitingAlone(for: key) { try await context.groupPage(key) }
        cursor.fill(page)
        return try cursor.take().map(end)
    }

    private func end(_ member: GroupMember) throws -> ChildEnd<Output> {
        let id = id(at: member.index)
        if member.status == .completed {
            return ChildEnd(index: member.index, id: id, result: .success(try decode(member.payload, "the result of child \(id)")))
        }
        let error = member.payload.map { context.restored($0) } ?? WorkflowError(.terminated, "the child was terminated")
        return ChildEnd(index: member.index, id: id, result: .failure(error))
    }
}

/// How far a group was read.
final class GroupCursor: Sendable {
    private struct State {
        var page: ArraySlice<GroupMember> = []
        var given = 0
        var isWaiting = false
    }

    private let state = Lock(State())

    var given: Int { state.withLock { $0.given } }

    func take() -> GroupMember? {
        state.withLock { state in
            guard let member = state.page.popFirst() else { return nil }
            state.given += 1
            return member
        }
    }

    func fill(_ page: [GroupMember]) { state.withLock { $0.page = page[...] } }

    /// Two that wait would divide the ends between them, in an order that no replay knows.
    func waitingAlone(for key: String, _ body: () async throws -> [GroupMember]) async throws -> [GroupMember] {
        let isAlone = state.withLock { state in
            defer { state.isWaiting = true }
            return !state.isWaiting
        }
        guard isAlone else {
            throw WorkflowError(.ambiguousStep, "two tasks wait for the next end of '\(key)': read a group of children in one task")
        }
        defer { state.withLock { $0.isWaiting = false } }
        return try await body()
    }
}
