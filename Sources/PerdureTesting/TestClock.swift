package import Perdure

/// A clock whose hands a test can turn, so that a workflow that sleeps for days is tested in milliseconds.
///
/// ```swift
/// let clock = TestClock()
/// let engine = try await Engine(store: .memory(), clock: clock) { Reminder() }
/// …
/// clock.advance(by: .days(30))
/// ```
///
/// It runs as the machine's clock does, ahead of it by all that it was advanced.
public final class TestClock: Sendable {
    private enum Due {
        case timeOfDay(Microseconds)
        case passing(Instant)
    }

    private struct Entry {
        var due: Due
        var action: @Sendable () -> Void
        var base: TimerID
    }

    private struct State {
        /// How much more time has passed than on the machine.
        var ahead: Duration = .zero
        /// How much the time of day was set forward besides.
        var set: Duration = .zero
        var entries: [TimerID: Entry] = [:]
        var nextID: TimerID = 0
    }

    private let base = SystemClock()
    private let state = Lock(State())

    /// A clock that shows the time of day.
    public init() {}

    deinit { base.stop() }

    /// Turns the hands, as if that much time had passed; what has become due is fired.
    public func advance(by duration: Duration) { turn { $0.ahead += duration } }

    /// Sets the time of day, forward or back, as an administrator or a time server does to a machine: no time passes.
    ///
    /// What waits for a moment (``WorkflowContext/sleep(until:)``, say) moves with it; periods, timeouts and back-offs do not.
    public func setTimeOfDay(by duration: Duration) { turn { $0.set += duration } }

    private func turn(_ hands: (inout State) -> Void) {
        let timers = state.withLock { state in
            hands(&state)
            return state.entries.mapValues(\.base)
        }
        for (id, timer) in timers {
            base.cancel(timer)
            arm(id)
        }
    }

    /// Sets the timer of an entry by the hands as they stand now.
    private func arm(_ id: TimerID) {
        state.withLock { state in
            guard let entry = state.entries[id] else { return }
            let fire: @Sendable () -> Void = { [weak self] in self?.fire(id) }
            state.entries[id]?.base =
                switch entry.due {
                case .timeOfDay(.max): base.schedule(at: Microseconds.max, fire)
                case .timeOfDay(let due): base.schedule(at: due.adding(.zero - state.ahead - state.set), fire)
                case .passing(let due): base.schedule(at: due - state.ahead, fire)
                }
        }
    }

    private func fire(_ id: TimerID) {
        state.withLock { $0.entries.removeValue(forKey: id) }?.action()
    }

    private func add(_ due: Due, _ action: @escaping @Sendable () -> Void) -> TimerID {
        let id = state.withLock { state in
            state.nextID += 1
            state.entries[state.nextID] = Entry(due: due, action: action, base: 0)
            return state.nextID
        }
        arm(id)
        return id
    }
}

extension TestClock: EngineClock {
    package func now() -> Microseconds { base.now().adding(state.withLock { $0.ahead + $0.set }) }

    package func instant() -> Instant { base.instant() + state.withLock { $0.ahead } }

    @discardableResult
    package func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID { add(.timeOfDay(due), action) }

    @discardableResult
    package func schedule(at due: Instant, _ action: @escaping @Sendable () -> Void) -> TimerID { add(.passing(due), action) }

    package func cancel(_ timer: TimerID) {
        if let entry = state.withLock({ $0.entries.removeValue(forKey: timer) }) { base.cancel(entry.base) }
    }
}
