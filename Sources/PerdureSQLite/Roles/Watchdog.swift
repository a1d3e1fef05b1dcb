internal import Dispatch
internal import Perdure

/// Ends the transaction that takes too long.
///
/// Its thread starts with the first transaction and sleeps while there is none.
final class Watchdog: Sendable {
    private struct State {
        /// There is one at most: the gate lets no second one begin.
        var transaction: SQLiteTransaction?
        var deadline = DispatchTime.distantFuture
        var hasThread = false
        var sleeping = false
        var stopped = false
    }

    private let state = Lock(State())
    private let wake = DispatchSemaphore(value: 0)

    func watch(_ transaction: SQLiteTransaction, limit: Duration) {
        let deadline = DispatchTime.now() + .microseconds(Int(limit.microseconds))
        let (mustStart, mustWake) = state.withLock { state in
            state.transaction = transaction
            state.deadline = deadline
            defer {
                state.hasThread = true
                state.sleeping = false
            }
            // A thread that waits for an earlier transaction's end looks again then, which is early enough for a later one.
            return (!state.hasThread, state.sleeping)
        }
        if mustStart {
            startThread(name: "perdure-sql-d") { self.loop() }
        } else if mustWake {
            wake.signal()
        }
    }

    func forget(_ transaction: SQLiteTransaction) {
        state.withLock { if $0.transaction === transaction { $0.transaction = nil } }
    }

    func stop() {
        state.withLock { $0.stopped = true }
        wake.signal()
    }

    private func loop() {
        while true {
            let now = DispatchTime.now()
            let (late, deadline, stopped): (SQLiteTransaction?, DispatchTime, Bool) = state.withLock { state in
                guard !state.stopped else { return (nil, now, true) }
                guard let transaction = state.transaction else {
                    state.sleeping = true
                    return (nil, .distantFuture, false)
                }
                guard state.deadline <= now else { return (nil, state.deadline, false) }
                // It leaves by `forget`. An interrupt between two statements interrupts nothing, so it is looked at again.
                state.deadline = now + .milliseconds(20)
                return (transaction, now, false)
            }
            if stopped { return }
            if let late { late.expire() } else { _ = wake.wait(timeout: deadline) }
        }
    }
}
