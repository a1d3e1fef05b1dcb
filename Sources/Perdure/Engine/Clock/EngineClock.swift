/// Names a timer, to cancel it.
package typealias TimerID = UInt64

/// A moment of the time that only passes; means something in this process only.
package typealias Instant = ContinuousClock.Instant

/// All the time that an engine knows; a protocol, so that tests and simulations can turn the hands.
///
/// There are two kinds of it. Whoever sets the machine's clock moves the time of day, forward or back: it is for what is stored, and for what
/// is compared with that. The engine's own periods and limits go by the time that only passes, or a clock that is set back would take the lease of
/// an engine whose heartbeats wait for it.
package protocol EngineClock: Sendable {
    /// The time of day: what is stored, and what durable timers wait for.
    func now() -> Microseconds
    /// The time that only passes.
    func instant() -> Instant
    /// Calls `action` once `now()` has reached `due`. The action must be short and must not block.
    @discardableResult
    func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID
    /// Calls `action` once `instant()` has reached `due`. The action must be short and must not block.
    @discardableResult
    func schedule(at due: Instant, _ action: @escaping @Sendable () -> Void) -> TimerID
    /// Afterwards the action is not called, unless it is running already.
    func cancel(_ timer: TimerID)
}

extension EngineClock {
    /// Calls `action` when that much time has passed.
    @discardableResult
    package func schedule(after duration: Duration, _ action: @escaping @Sendable () -> Void) -> TimerID {
        schedule(at: instant().advanced(by: duration), action)
    }

    /// Waits, not shorter.
    package func wait(_ duration: Duration) async {
        await park { (continuation: Parked<Void>) in
            schedule(after: duration) { continuation.resume() }
        }
    }

    /// When the time of day will have reached `due`, if nobody sets the clock.
    package func instant(of due: Microseconds) -> Instant {
        instant() + now().wait(until: due)
    }

    /// Waits until the time of day reaches `due`, or the current task is cancelled; false in that case.
    package func waitUnlessCancelled(until due: Microseconds) async -> Bool {
        await waitUnlessCancelled { schedule(at: due, $0) }
    }

    /// Waits so long, or until the current task is cancelled; false in that case.
    package func waitUnlessCancelled(_ duration: Duration) async -> Bool {
        await waitUnlessCancelled { schedule(after: duration, $0) }
    }

    private func waitUnlessCancelled(_ schedule: (@escaping @Sendable () -> Void) -> TimerID) async -> Bool {
        let wait = CancellableWait()
        let timer = schedule { wait.end(cancelled: false) }
        let isComplete = await withTaskCancellationHandler {
            await park { wait.begin($0) }
        } onCancel: {
            wait.end(cancelled: true)
        }
        cancel(timer)
        return isComplete
    }
}

/// Ends once, by the clock or by a cancellation, before or after it has begun.
private final class CancellableWait: Sendable {
    private struct State {
        var parked: Parked<Bool>?
        var result: Bool?
    }
    private let state = Lock(State())

    func begin(_ parked: Parked<Bool>) {
        let result = state.withLock { state in
            if state.result == nil { state.parked = parked }
            return state.result
        }
        if let result { parked.resume(returning: result) }
    }

    func end(cancelled: Bool) {
        let parked = state.withLock { state in
            guard state.result == nil else { return nil as Parked<Bool>? }
            state.result = !cancelled
            return state.parked
        }
        parked?.resume(returning: !cancelled)
    }
}
