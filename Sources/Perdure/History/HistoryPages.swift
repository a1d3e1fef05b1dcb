/// Goes through the histories of a selection, one after the other; of the numbers it holds a page.
package struct HistoryPages {
    private static let page = 500

    private let store: any ArchiveStore
    private let selection: ArchiveSelection
    private var numbers: ArraySlice<WorkflowNumber> = []
    private var last = WorkflowNumber.min
    private var left: Int

    package init(_ client: Client, _ selection: HistorySelection) {
        store = client.core.store
        self.selection = selection.archived
        left = selection.limit ?? .max
    }

    /// nil at the end.
    package mutating func next() async throws(StoreError) -> HistoryExport? {
        while left > 0 {
            if numbers.isEmpty {
                numbers = try await store.numbers(of: selection, after: last, limit: Self.page)[...]
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
}
