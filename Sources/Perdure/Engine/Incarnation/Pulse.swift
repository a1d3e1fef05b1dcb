/// The heartbeat of an executor, and since when it has not been answered.
final class Pulse: Sendable {
    private let id: ExecutorID
    private let store: any StoreBackend
    private let settings: EngineConfiguration
    private let clock: any EngineClock
    private let tenure: Tenure
    private let asked = Lock<Instant?>(nil)

    init(_ id: ExecutorID, _ store: any StoreBackend, _ settings: EngineConfiguration, _ clock: any EngineClock, _ tenure: Tenure) {
        self.id = id
        self.store = store
        self.settings = settings
        self.clock = clock
        self.tenure = tenure
    }

    /// Renews the lease; returns how long it is until there may be something to reap.
    func beat() async throws(StoreError) -> Duration? {
        let now = clock.instant()
        asked.withLock { $0 = $0 ?? now }
        let look = try await store.renew(id, settings.terms)
        asked.withLock { $0 = nil }
        tenure.extend(until: now + settings.tenure)
        return look
    }

    /// Returns when no heartbeat has been answered for a whole lease, true; or when `isOver`, after the signal.
    ///
    /// A server that is gone refuses, and one that hangs, or a pooler before it, says nothing for ever.
    func stops(orAfter signal: Signal, _ isOver: @Sendable () -> Bool) async -> Bool {
        guard store.hasServer else { return false }
        while !isOver() {
            await signal.wait(until: (asked.withLock { $0 } ?? clock.instant()) + settings.lease, clock: clock)
            if let asked = asked.withLock({ $0 }), !isOver(), clock.instant() >= asked + settings.lease { return true }
        }
        return false
    }
}
