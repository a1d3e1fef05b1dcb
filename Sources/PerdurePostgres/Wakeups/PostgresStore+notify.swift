package import Perdure

extension PostgresStore {
    package func listen(_ receive: @escaping @Sendable (Wakeup) -> Void) async throws(StoreError) -> any WakeupSubscription {
        try await wakeups.subscribe(receive)
    }

    /// What is asked for while a notification is on its way goes with the next: one commit for many.
    package func notify(_ hints: [Wakeup]) async {
        if hints.isEmpty || !wakeups.enqueue(hints) { return }
        while let batch = wakeups.takeOutgoing() {
            let payloads = WakeupMessage.payloads(batch)
            let channel = WakeupMessage.channel(schema)
            do throws(StoreError) {
                try await connection(.notify).run { session throws(StoreError) in
                    // Losing one costs latency only, so nobody waits for the disk. NOTIFY takes a lock on the whole database at its commit.
                    _ = try session.pipeline([
                        Request(.begin), Request(Statement("perdure_no_wait", "SET LOCAL synchronous_commit = off")),
                        Request(
                            Statement("perdure_notify", "SELECT pg_notify($1::text, p) FROM unnest($2::text[]) p"),
                            [.text(channel), .texts(payloads)]),
                        Request(.commit),
                    ])
                }
            } catch {
                settings.log(.debug, "a wake-up was not sent: \(error.message)")
            }
        }
    }
}
