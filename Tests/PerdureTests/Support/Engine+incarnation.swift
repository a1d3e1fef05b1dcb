import Perdure

extension Engine {
    /// Waits until the engine runs, so that what is started is its own at once.
    func registered() async -> Incarnation {
        while true {
            if let incarnation = client.core.incarnation.withLock({ $0 }) { return incarnation }
            await Task.yield()
        }
    }
}
