internal import Dispatch
#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The machine's clocks, and one thread that fires timers: two blocking step bodies would stop the global pool, and with it `Task.sleep`.
package final class SystemClock: EngineClock {
    private typealias Action = @Sendable () -> Void

    private struct State {
        /// Those that wait for a time of day.
        var timed = TimerHeap<Microseconds>()
        /// Those that wait for time to pass.
        var passing = TimerHeap<Instant>()
        var actions: [TimerID: Action] = [:]
        var nextID: TimerID = 0
        /// When the thread wakes by itself; nil while it is awake.
        var wakesAt: Instant?
        var stopped = false
    }

    /// At most so long does the thread sleep while there are timers, so that a clock that is set forward, or a machine that was suspended, is
    /// noticed.
    private static let longestSleep = Duration.seconds(1)
    private static let idleSleep = Duration.seconds(60)

    private let state = Lock(State())
    private let wake = DispatchSemaphore(value: 0)

    package init() {
        startThread(name: "perdure-timers") { self.loop() }
    }

    package func now() -> Microseconds {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Microseconds(time.tv_sec) * 1_000_000 + Microseconds(time.tv_nsec) / 1_000
    }

    package func instant() -> Instant { .now }

    @discardableResult
    package func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID {
        add(action, firesAt: instant(of: due)) { state, timer in state.timed.push(due, timer) }
    }

    @discardableResult
    package func schedule(at due: Instant, _ action: @escaping @Sendable () -> Void) -> TimerID {
        add(action, firesAt: due) { state, timer in state.passing.push(due, timer) }
    }

    private func add(_ action: @escaping Action, firesAt: Instant, _ push: (inout State, TimerID) -> Void) -> TimerID {
        let (id, mustWake) = state.withLock { state in
            state.nextID += 1
            state.actions[state.nextID] = action
            push(&state, state.nextID)
            let mustWake = state.wakesAt.map { firesAt < $0 } ?? false
            if mustWake { state.wakesAt = nil }
            return (state.nextID, mustWake)
        }
        if mustWake { wake.signal() }
        return id
    }

    package func cancel(_ timer: TimerID) {
        state.withLock { state in
            state.actions[timer] = nil
            // Most timeouts are cancelled long before they are due: the heaps must not fill with them.
            let count = state.timed.count + state.passing.count
            if count > 64, count > 2 * state.actions.count {
                let actions = state.actions
                state.timed.keep { actions[$0] != nil }
                state.passing.keep { actions[$0] != nil }
            }
        }
    }

    /// Ends the thread; timers that have not fired never do.
    package func stop() {
        state.withLock { $0.stopped = true }
        wake.signal()
    }

    private func loop() {
        while true {
            let (now, time) = (now(), instant())
            let (actions, sleep, stopped): ([Action], Duration, Bool) = state.withLock { state in
                let actions = (state.timed.popDue(now) + state.passing.popDue(time)).compactMap { state.actions.removeValue(forKey: $0) }
                let sleep = actions.isEmpty ? Self.sleep(state, now, time) : .zero
                state.wakesAt = actions.isEmpty ? time.advanced(by: sleep) : nil
                return (actions, sleep, state.stopped)
            }
            if stopped { return }
            for action in actions { action() }
            if actions.isEmpty { _ = wake.wait(timeout: .now() + .microseconds(Int(sleep.inMicroseconds) + 1)) }
        }
    }

    private static func sleep(_ state: State, _ now: Microseconds, _ time: Instant) -> Duration {
        guard state.timed.first != nil || state.passing.first != nil else { return idleSleep }
        var sleep = longestSleep
        if let due = state.timed.first { sleep = min(sleep, now.wait(until: due)) }
        if let due = state.passing.first { sleep = min(sleep, time.duration(to: due)) }
        return sleep
    }
}
