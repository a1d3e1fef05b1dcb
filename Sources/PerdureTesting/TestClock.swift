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
    private struct Entry {
        var due: Microseconds
        var action: @Sendable () -> Void
        var base: TimerID
    }

    private struct State {
        var ahead: Duration = .zero
        var entries: [TimerID: Entry] = [:]
        var nextID: TimerID = 0
    }

    private let base = SystemClock()
    private let state = Lock(State())

    /// A clock that shows the time of day.
    public init() {}

    deinit { base.stop() }

    /// Turns the hands; what has become due is fired.
    public func advance(by duration: Duration) {
        state.withLock { $0.ahead += duration }
        for (id, entry) in state.withLock({ $0.entries }) {
            base.cancel(entry.base)
            arm(id)
        }
    }

    /// Sets the timer of an entry by the hands as they stand now.
    private func arm(_ id: TimerID) {
        state.withLock { state in
            guard let entry = state.entries[id] else { return }
            let due = entry.due == .max ? .max : entry.due.adding(.zero - state.ahead)
            state.entries[id]?.base = base.schedule(at: due) { [weak self] in self?.fire(id) }
        }
    }

    private func fire(_ id: TimerID) {
        state.withLock { $0.entries.removeValue(forKey: id) }?.action()
    }
}

extension TestClock: EngineClock {
    package func now() -> Microseconds { base.now().adding(state.withLock { $0.ahead }) }

    @discardableResult
    package func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID {
        let id = state.withLock { state in
            state.nextID += 1
            state.entries[state.nextID] = Entry(due: due, action: action, base: 0)
            return state.nextID
        }
        arm(id)
        return id
    }

    package func cancel(_ timer: TimerID) {
        if let entry = state.withLock({ $0.entries.removeValue(forKey: timer) }) { base.cancel(entry.base) }
    }
}
