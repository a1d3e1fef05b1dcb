extension Client {
    /// All that is recorded of the newest run under an id, as of one moment.
    ///
    /// - Throws: ``WorkflowError`` if there is none.
    public func exportHistory(of id: String) async throws -> HistoryExport {
        let number = try await core.number(ofID: id)
        guard let history = try await core.store.recorded(number) else {
            throw WorkflowError(.notFound, "no workflow has the id '\(id)'")
        }
        return HistoryExport(history)
    }

    /// Writes the histories of many workflows into a file, one in each line.
    ///
    /// Each is as of one moment, and all of them are not. Reads only, a history at a time.
    ///
    /// - Returns: How many there are.
    @discardableResult
    public func exportHistories(to path: String, of selection: HistorySelection = HistorySelection()) async throws -> Int {
        let file = try HistoryFile(writing: path)
        var pages = HistoryPages(self, selection)
        var count = 0
        while let history = try await pages.next() {
            try file.append(history)
            count += 1
        }
        return count
    }
}
