/// Goes through the histories of a selection, one after the other; of the numbers it holds a page.
package struct HistoryPages {
    private static let page = 500

    private let store: any ArchiveStore & SearchStore
    private let selection: ArchiveSelection
    private let filter: WorkflowFilter?
    /// What distances in the filter count from.
    private let now: Microseconds
    private var numbers: ArraySlice<WorkflowNumber> = []
    private var last = WorkflowNumber.min
    private var left: Int

    package init(_ client: Client, _ selection: HistorySelection) {
        store = client.core.store
        self.selection = selection.archived
        filter = selection.search
        now = client.core.environment.clock.now()
        left = selection.limit ?? .max
    }

    /// nil at the end.
    package mutating func next() async throws(StoreError) -> HistoryExport? {
        while left > 0 {
            if numbers.isEmpty {
                numbers = try await page()[...]
                guard let end = numbers.last else { return nil }
                last = end
            }
            guard let number = numbers.popFirst(), let history = try await store.recorded(number) else { continue }
            // It may have ended since its number was read.
            if history.outcome != nil, !selection.includesClosed { continue }
            left -= 1
            return HistoryExport(history)
        }
        return nil
    }

    private func page() async throws(StoreError) -> [WorkflowNumber] {
        guard let filter else { return try await store.numbers(of: selection, after: last, limit: Self.page) }
        let request = SearchRequest(filter, now: now, after: last, limit: Self.page, newestFirst: false)
        return try await store.search(request).map(\.status.record.number)
    }
}
