// What one engine does for all of them.

extension Incarnation {
    /// How often somebody is asked for who does it.
    private static let round = Duration.seconds(60)

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
            case .tidying: while !isEnding, try await store.tidy(limit: 1_000) > 0 {}
            }
        } catch {
            report(error, "what one engine does for all (\(duty.rawValue)) could not be done")
        }
    }
}
