internal import Perdure

/// Where the histories come from that are checked.
enum HistorySource {
    case database(HistoryPages)
    case file(HistoryFile, HistorySelection)

    /// nil at the end.
    mutating func next() async throws -> HistoryExport? {
        switch self {
        case .database(var pages):
            defer { self = .database(pages) }
            return try await pages.next()
        case .file(let file, let selection):
            while let history = try file.next() {
                if selection.matches(history) { return history }
            }
            return nil
        }
    }
}
