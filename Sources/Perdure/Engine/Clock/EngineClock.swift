internal import Dispatch
#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Names a timer, to cancel it.
package typealias TimerID = UInt64

/// All the time that an engine knows; a protocol, so that tests and simulations can turn the hands.
package protocol EngineClock: Sendable {
    /// The time of day: what is stored, and what durable timers wait for.
    func now() -> Microseconds
    /// Calls `action` once `now()` has reached `due`. The action must be short and must not block.
    @discardableResult
    func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID
    /// Afterwards the action is not called, unless it is running already.
    func cancel(_ timer: TimerID)
}

extension EngineClock {
    /// Waits, not shorter.
    package func wait(_ duration: Duration) async {
        let due = now().adding(duration)
        await park { (continuation: Parked<Void>) in
            schedule(at: due) { continuation.resume() }
        }
    }
}

/// The machine's clock, and one thread that fires timers: two blocking step bodies would stop the global pool, and with it `Task.sleep`.
package final class SystemClock: EngineClock {
    private struct State {
        var heap = Heap()
        var actions: [TimerID: @Sendable () -> Void] = [:]
        var nextID: TimerID = 0
        /// When the thread wakes by itself; `.min` while it is awake.
        var wakesAt: Microseconds = .min
        var stopped = false
    }

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

    @discardableResult
    package func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID {
        let (id, mustWake) = state.withLock { state in
            state.nextID += 1
            state.actions[state.nextID] = action
            state.heap.push(due, state.nextID)
            let mustWake = due < state.wakesAt
            if mustWake { state.wakesAt = .min }
            return (state.nextID, mustWake)
        }
        if mustWake { wake.signal() }
        return id
    }

    package func cancel(_ timer: TimerID) {
        state.withLock { state in
            state.actions[timer] = nil
            // Most timeouts are cancelled long before they are due: the heap must not fill with them.
            if state.heap.count > 64, state.heap.count > 2 * state.actions.count {
                let actions = state.actions
                state.heap.keep { actions[$0] != nil }
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
            let time = now()
            let (actions, wait, stopped): ([@Sendable () -> Void], Microseconds, Bool) = state.withLock { state in
                var actions: [@Sendable () -> Void] = []
                while let first = state.heap.first, first.due <= time {
                    state.heap.pop()
                    if let action = state.actions.removeValue(forKey: first.id) { actions.append(action) }
                }
                // At most a second, so that a clock that is set forward is noticed.
                let wait =
                    actions.isEmpty ? min((state.heap.first?.due ?? .max) - time, state.heap.first == nil ? 60_000_000 : 1_000_000) : 0
                state.wakesAt = actions.isEmpty ? time + wait : .min
                return (actions, wait, state.stopped)
            }
            if stopped { return }
            for action in actions { action() }
            if actions.isEmpty { _ = wake.wait(timeout: .now() + .microseconds(Int(wait))) }
        }
    }
}

/// A binary heap of timers, the earliest first; of one moment, the one that was scheduled first.
private struct Heap {
    private var entries: [(due: Microseconds, id: TimerID)] = []

    var first: (due: Microseconds, id: TimerID)? { entries.first }
    var count: Int { entries.count }

    mutating func push(_ due: Microseconds, _ id: TimerID) {
        entries.append((due, id))
        var child = entries.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() {
        guard let last = entries.popLast(), !entries.isEmpty else { return }
        entries[0] = last
        sink(0)
    }

    mutating func keep(_ isKept: (TimerID) -> Bool) {
        entries.removeAll { !isKept($0.id) }
        for parent in stride(from: entries.count / 2, through: 0, by: -1) { sink(parent) }
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && precedes(child, least) { least = child }
            if least == parent { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (entries[left].due, entries[left].id) < (entries[right].due, entries[right].id)
    }
}

extension EngineClock {
    /// Waits until the clock reaches `due`, or the current task is cancelled; false in that case.
    package func waitUnlessCancelled(until due: Microseconds) async -> Bool {
        let wait = CancellableWait()
        let timer = schedule(at: due) { wait.end(cancelled: false) }
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
