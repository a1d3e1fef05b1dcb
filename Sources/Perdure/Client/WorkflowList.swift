/// The workflows that match a filter, in the order of their starts; fetched in pages as they are asked for.
///
/// ```swift
/// for try await workflow in try client.workflows(where: "status = failed and started > -1h") { print(workflow.id) }
/// let newest = try await client.workflows(where: .open, limit: 50).all()
/// ```
///
/// Each iteration searches anew. What is started while it goes on does not shift its pages: newest first it is not seen, oldest first it comes last.
public struct WorkflowList: AsyncSequence, Sendable {
    let core: ClientCore
    let filter: WorkflowFilter
    let limit: Int?
    let newestFirst: Bool
    package var pageSize = 200

    /// Begins a search.
    public func makeAsyncIterator() -> Iterator { Iterator(list: self, now: core.environment.clock.now(), left: limit ?? .max) }

    /// All of them at once.
    public func all() async throws -> [WorkflowSummary] {
        var all: [WorkflowSummary] = []
        var iterator = makeAsyncIterator()
        while let workflow = try await iterator.next() { all.append(workflow) }
        return all
    }

    /// Goes through the pages.
    public struct Iterator: AsyncIteratorProtocol {
        private let list: WorkflowList
        /// The same for all pages.
        private let now: Microseconds
        private var left: Int
        private var page: ArraySlice<WorkflowSummary> = []
        private var last: WorkflowNumber?
        private var isLastPage = false

        init(list: WorkflowList, now: Microseconds, left: Int) { (self.list, self.now, self.left) = (list, now, left) }

        /// The next workflow; nil at the end.
        ///
        /// - Throws: ``StoreError``.
        public mutating func next() async throws -> WorkflowSummary? {
            guard left > 0 else { return nil }
            if page.isEmpty, !isLastPage {
                let size = Swift.min(list.pageSize, left)
                let request = SearchRequest(list.filter, now: now, after: last, limit: size, newestFirst: list.newestFirst)
                let found = try await list.core.store.search(request)
                // They are few: read once for all of the page.
                let isOpen = found.contains { $0.status.outcome == nil }
                let pauses = isOpen ? try await list.core.activePauses(at: now) : []
                page = found.map { WorkflowSummary($0, now: now, pauses: pauses) }[...]
                isLastPage = page.count < size
            }
            guard let workflow = page.popFirst() else { return nil }
            (last, left) = (workflow.number, left - 1)
            return workflow
        }
    }
}
