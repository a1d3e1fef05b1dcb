// What one engine does for all of them.

extension Incarnation {
    /// How often somebody is asked for who does it.
    private static let round = Duration.seconds(60)

    /// So many rows in a round: a large inbox is gone through in several.
    private static let page = 1_000
    private static let pages = 100

    /// Whoever leads is asked again before its term ends, so that it stays the one while it lives; its end costs the others a term at most.
    @concurrent @Sendable func duties() async {
        while !isStopped {
            await dutySignal.wait(until: clock.instant() + jittered(Self.round), clock: clock)
            for duty in Duty.allCases where !isEnding { await take(duty) }
        }
    }

    private func take(_ duty: Duty) async {
        do throws(StoreError) {
            guard try await store.lead(duty, id, for: Self.round * 3) else { return }
            switch duty {
            case .tidying: try await tidy()
            }
        } catch {
            report(error, "what one engine does for all (\(duty.rawValue)) could not be done")
        }
    }

    private func tidy() async throws(StoreError) {
        for _ in 0..<Self.pages where !isEnding {
            let next = try await store.tidy(after: tidiedUntil.withLock { $0 }, limit: Self.page).next
            tidiedUntil.withLock { $0 = next ?? .min }
            if next == nil { return }
        }
    }
}
