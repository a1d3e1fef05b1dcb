// A server that says nothing, and a channel that cannot be opened.

extension Incarnation {
    /// What is not answered within a lease is not waited for: others have taken over by then, or the whole database is away.
    @concurrent @Sendable func silence() async {
        guard await pulse.stops(orAfter: silenceSignal, { self.isStopped }) else { return }
        end(.fenced("for a whole lease the database has answered no heartbeat"))
        store.cut()
    }

    /// What others have done is heard from here on; until it works, it is found by the poll.
    @concurrent @Sendable func listening() async {
        while !isStopped {
            do throws(StoreError) {
                let subscription = try await store.listen { [weak self] in self?.hint($0) }
                // For what came before.
                hint(.everything)
                while !isStopped { await listenSignal.wait(clock: clock) }
                return await subscription.cancel()
            } catch {
                report(error, "wake-ups of other processes are not heard, and come by the poll")
                if error.code == .misconfigured { return }
                if !isStopped { await listenSignal.wait(until: clock.instant() + jittered(.seconds(1)), clock: clock) }
            }
        }
    }
}
