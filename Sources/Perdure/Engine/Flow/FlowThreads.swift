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

/// A few threads of the engine's own, for the code of workflows and the bodies of their steps.
///
/// A body begins on the thread that has just run the code which asked for it, for all that it needs is at hand there: that is a tenth of an
/// engine's throughput. Work that holds a thread (code that blocks, or computes for long) is noticed, and a thread is added for the others.
package final class FlowThreadPool: FlowThreads, TaskExecutor {
    /// Who has had its thread for so long holds it.
    fileprivate static let patience = Duration.milliseconds(20)
    fileprivate static let maximum = 64

    private let state: Lock<State>
    private let wake = DispatchSemaphore(value: 0)

    package init(count: Int) {
        state = Lock(State(count: max(1, count)))
        for _ in 0..<max(1, count) { follow(.add) }
    }

    package func submit(_ flow: FlowExecutor) {
        follow(
            state.withLock { state in
                state.ready.append(.flow(flow))
                return state.call()
            })
    }

    package func submit(contentsOf flows: [FlowExecutor]) {
        if flows.isEmpty { return }
        let calls = state.withLock { state in
            for flow in flows { state.ready.append(.flow(flow)) }
            var calls: [Call] = []
            while calls.count < flows.count, let call = state.call() { calls.append(call) }
            return calls
        }
        for call in calls { follow(call) }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // What a workflow has just begun; what goes on after a wait takes its turn, or two bodies that yield to each other would be all that runs.
        let isFresh = FlowExecutor.isAnyCurrent
        follow(
            state.withLock { state in
                if isFresh { state.fresh.append(job) } else { state.ready.append(.job(job)) }
                return state.call()
            })
    }

    /// Ends the threads when nothing is ready any more.
    ///
    /// What comes later (a body that outlives its engine) is run all the same, on a thread that is started for it.
    package func stop() {
        let count = state.withLock { state in
            state.stopped = true
            defer { state.sleeping = 0 }
            return state.sleeping
        }
        for _ in 0..<count { wake.signal() }
    }

    /// Adds threads for what waits behind those that are held, as many again each time; to be called now and then.
    package func relieve() {
        let calls = state.withLock { state in
            let limit = min(state.waiting, state.running.count)
            var calls: [Call] = []
            while calls.count < limit, let call = state.call(besides: calls.count { $0 == .add }) { calls.append(call) }
            return calls
        }
        for call in calls { follow(call) }
    }

    /// Flows that have held a thread for longer than `limit`.
    package func held(longerThan limit: Duration) -> [FlowExecutor] {
        let now = ContinuousClock.now
        return state.withLock { state in state.running.values.filter { $0.since.duration(to: now) > limit }.compactMap(\.flow) }
    }

    fileprivate enum Work {
        case flow(FlowExecutor)
        case job(UnownedJob)
    }

    /// What becomes of work that waits.
    fileprivate enum Call {
        case wake
        case add
    }

    private func follow(_ call: Call?) {
        switch call {
        case .wake: wake.signal()
        case .add:
            let number = state.withLock { state in
                state.last += 1
                return state.last
            }
            startThread(name: "perdure-flow-\(number)") { self.loop(number) }
        case nil: break
        }
    }

    fileprivate enum Next {
        case run(Work)
        case linger
        case sleep
        case stop
    }

    private func loop(_ number: Int) {
        while true {
            switch state.withLock({ $0.next(for: number) }) {
            case .run(.flow(let flow)): flow.drain()
            case .run(.job(let job)): unsafe job.runSynchronously(on: asUnownedTaskExecutor())
            case .linger: linger()
            case .sleep: wake.wait()
            case .stop: return
            }
        }
    }

    /// One thread looks on for a moment before it sleeps: to wake a sleeping thread takes longer than many a commit.
    ///
    /// It yields to whoever has work, so it only uses a core that nobody else wants.
    private func linger() {
        let end = ContinuousClock.now + .microseconds(500)
        repeat {
            sched_yield()
            if state.withLock({ $0.waiting > 0 || $0.stopped }) { break }
        } while ContinuousClock.now < end
        state.withLock { $0.lingered() }
    }

    fileprivate struct State {
        /// Threads that work side by side; more only in place of those that are held.
        let count: Int
        /// Bodies that have not begun, the newest last.
        var fresh: [UnownedJob] = []
        var ready: [Work] = []
        var head = 0
        var sleeping = 0
        /// A thread looks on; it takes the next work without being woken.
        var isLingering = false
        /// It did, for nothing: all may sleep until there is work again.
        var hasLingered = false
        var stopped = false
        /// What each thread runs now (nil: a body), and since when.
        var running: [Int: (flow: FlowExecutor?, since: ContinuousClock.Instant)] = [:]
        var threads: Int
        /// The number of the newest thread.
        var last = 0

        init(count: Int) {
            self.count = count
            threads = count
        }
    }
}

extension FlowThreadPool.State {
    var waiting: Int { fresh.count + ready.count - head }

    mutating func next(for thread: Int) -> FlowThreadPool.Next {
        running[thread] = nil
        if let work = take() {
            if case .flow(let flow) = work { running[thread] = (flow, .now) } else { running[thread] = (nil, .now) }
            hasLingered = false
            return .run(work)
        }
        if stopped {
            threads -= 1
            return .stop
        }
        if !isLingering, !hasLingered {
            isLingering = true
            return .linger
        }
        sleeping += 1
        return .sleep
    }

    mutating func lingered() {
        isLingering = false
        hasLingered = true
    }

    /// Who is to be woken, or that a thread is to be added, for something that waits; nil if those that run will come to it.
    ///
    /// - Parameter added: Threads that are being started, and will come to work in a moment.
    mutating func call(besides added: Int = 0) -> FlowThreadPool.Call? {
        guard waiting > (isLingering ? 1 : 0) else { return nil }
        if running.count >= count, running.count - held >= count { return nil }
        if sleeping > 0 {
            sleeping -= 1
            return .wake
        }
        // Whoever neither sleeps nor works is about to look.
        guard running.count + added >= threads, threads < FlowThreadPool.maximum else { return nil }
        threads += 1
        return .add
    }

    /// How many have had their thread for long.
    private var held: Int {
        let now = ContinuousClock.now
        return running.values.count { $0.since.duration(to: now) > FlowThreadPool.patience }
    }

    private mutating func take() -> FlowThreadPool.Work? {
        if let job = fresh.popLast() { return .job(job) }
        guard head < ready.count else {
            ready.removeAll(keepingCapacity: true)
            head = 0
            return nil
        }
        let work = ready[head]
        head += 1
        if head > 4096, head * 2 > ready.count {
            ready.removeFirst(head)
            head = 0
        }
        return work
    }
}
