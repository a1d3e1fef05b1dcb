internal import Dispatch
#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The threads that run workflows' code; a protocol, so that a simulation can run it in an order of its own.
package protocol FlowThreads: Sendable {
    func submit(_ flow: FlowExecutor)
    func submit(contentsOf flows: [FlowExecutor])
}

/// A few threads of the engine's own.
///
/// A workflow that holds one for long is named, and a thread is added.
package final class FlowThreadPool: FlowThreads {
    fileprivate struct State {
        var ready: [FlowExecutor] = []
        var head = 0
        var sleeping = 0
        /// A thread looks on; it takes the next flow without being woken.
        var isLingering = false
        /// It did, for nothing: all may sleep until there is work again.
        var hasLingered = false
        var stopped = false
        /// What each thread runs now, and since when.
        var running: [Int: (flow: FlowExecutor, since: ContinuousClock.Instant)] = [:]
        var threads = 0
    }

    private let state = Lock(State())
    private let wake = DispatchSemaphore(value: 0)

    package init(count: Int) {
        for _ in 0..<max(1, count) { addThread() }
    }

    package func submit(_ flow: FlowExecutor) {
        let mustWake = state.withLock { state in
            state.ready.append(flow)
            return state.mustWake()
        }
        if mustWake { wake.signal() }
    }

    package func submit(contentsOf flows: [FlowExecutor]) {
        if flows.isEmpty { return }
        let count = state.withLock { state in
            state.ready.append(contentsOf: flows)
            let count = min(state.sleeping, max(0, state.ready.count - state.head - (state.isLingering ? 1 : 0)))
            state.sleeping -= count
            return count
        }
        for _ in 0..<count { wake.signal() }
    }

    /// Ends the threads when nothing is ready any more.
    package func stop() {
        let count = state.withLock { state in
            state.stopped = true
            defer { state.sleeping = 0 }
            return state.sleeping
        }
        for _ in 0..<count { wake.signal() }
    }

    /// Flows that have held a thread for longer than `limit`; for each a thread is added, as long as there are fewer than `maximum`.
    package func relieve(longerThan limit: Duration, maximum: Int) -> [FlowExecutor] {
        let now = ContinuousClock.now
        let (held, missing) = state.withLock { state in
            let held = state.running.values.filter { $0.since.duration(to: now) > limit }.map(\.flow)
            let free = state.threads - held.count
            return (held, free < 1 ? min(1 - free, max(0, maximum - state.threads)) : 0)
        }
        for _ in 0..<missing { addThread() }
        return held
    }

    private func addThread() {
        let number = state.withLock { state in
            state.threads += 1
            return state.threads
        }
        startThread(name: "perdure-flow-\(number)") { self.loop(number) }
    }

    fileprivate enum Next {
        case run(FlowExecutor)
        case linger
        case sleep
        case stop
    }

    private func loop(_ number: Int) {
        while true {
            switch state.withLock({ $0.next(for: number) }) {
            case .run(let flow): flow.drain()
            case .linger: linger()
            case .sleep: wake.wait()
            case .stop: return
            }
        }
    }

    /// One thread looks on for a moment before it sleeps: to wake a sleeping thread takes longer than many a commit.
    ///
    /// It yields to whoever has
    /// work, so it only uses a core that nobody else wants.
    private func linger() {
        let end = ContinuousClock.now + .microseconds(500)
        repeat {
            sched_yield()
            if state.withLock({ $0.head < $0.ready.count || $0.stopped }) { break }
        } while ContinuousClock.now < end
        state.withLock { $0.lingered() }
    }
}

extension FlowThreadPool.State {
    fileprivate mutating func next(for thread: Int) -> FlowThreadPool.Next {
        running[thread] = nil
        if let flow = next() {
            running[thread] = (flow, .now)
            hasLingered = false
            return .run(flow)
        }
        if stopped { return .stop }
        if !isLingering, !hasLingered {
            isLingering = true
            return .linger
        }
        sleeping += 1
        return .sleep
    }

    fileprivate mutating func lingered() {
        isLingering = false
        hasLingered = true
    }

    /// True if a thread must be woken for what has just become ready.
    fileprivate mutating func mustWake() -> Bool {
        guard sleeping > 0, !isLingering || ready.count - head > 1 else { return false }
        sleeping -= 1
        return true
    }

    fileprivate mutating func next() -> FlowExecutor? {
        guard head < ready.count else {
            ready.removeAll(keepingCapacity: true)
            head = 0
            return nil
        }
        let flow = ready[head]
        head += 1
        if head > 4096, head * 2 > ready.count {
            ready.removeFirst(head)
            head = 0
        }
        return flow
    }
}
