internal import Perdure
internal import Testing

extension Engine {
    /// Waits until the engine runs, so that what is started is its own at once.
    func registered() async throws -> Incarnation {
        var found: Incarnation?
        try await waitWhile {
            found = client.core.incarnation.withLock { $0 }
            return found == nil
        }
        return try #require(found)
    }
}
