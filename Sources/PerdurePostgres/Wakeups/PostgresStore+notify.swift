package import Perdure

extension PostgresStore {
    package func listen(_ receive: @escaping @Sendable (Wakeup) -> Void) async throws(StoreError) -> any WakeupSubscription {
        try await wakeups.subscribe(receive)
    }

    /// What is asked for while a notification is on its way goes with the next: one commit for many.
    package func notify(_ hints: [Wakeup]) async {
        if hints.isEmpty { return }
        wakeups.tell(hints)
        guard wakeups.enqueue(hints) else { return }
        while let batch = wakeups.takeOutgoing() {
            do throws(StoreError) {
                try await connection(.notify).run { session throws(StoreError) in
                    guard let announcement = try self.wakeups.announcement(batch) else { return }
                    try session.ready()
                    self.wakeups.sends(.notify, as: session.backend)
                    try session.pipeline(announcement)
                }
            } catch {
                settings.log(.debug, "a wake-up was not sent: \(error.message)")
            }
        }
    }
}
