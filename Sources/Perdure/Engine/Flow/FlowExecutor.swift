#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What a flow asks its workflow for when it has nothing left to run.
package protocol FlowDelegate: AnyObject, Sendable {
    /// Delivers one completion, if one is there; true if it did.
    func deliverNext() -> Bool
    /// Called once for each time that nothing is left to run and nothing was delivered.
    func idled()
}

/// Runs one workflow's tasks one at a time, in an order that depends on nothing but the workflow's own code.
///
/// Three rules make it so; ``FlowRules`` can switch off each, and then a test fails:
/// 1. Jobs run first in, first out.
/// 2. A job that is enqueued on the flow's own thread while no task is current, and nothing is being delivered, is the hop of the task that
///    was just running. How many such hops there are is the optimiser's choice, so a hop goes to the front: it is no decision of scheduling.
/// 3. A completion is delivered only when nothing is left to run, one at a time.
///
/// A job that arrives from any other thread was woken by something that is not recorded: `intruded` is set, and the next call of the
/// context throws.
package final class FlowExecutor: TaskExecutor {
    fileprivate struct State {
        var jobs: [UnownedJob] = []
        var head = 0
        /// Closed until `open()`, so that nothing runs before the engine holds the task.
        var draining = true
        var delivering = false
        var poked = false
        var started = false
        var intruded = false
        var delegate: (any FlowDelegate)?
    }

    private let state = Lock(State())
    private let threads: any FlowThreads
    private let rules: FlowRules

    package init(threads: any FlowThreads, rules: FlowRules = .all) {
        self.threads = threads
        self.rules = rules
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let here = isCurrent
        let hop = unsafe here && rules.contains(.hopsGoFirst) && withUnsafeCurrentTask { unsafe $0 == nil }
        let idle = state.withLock { state in
            if hop && !state.delivering {
                state.pushFront(job)
            } else {
                state.jobs.append(job)
            }
            if !here {
                if state.started { state.intruded = true } else { state.started = true }
            }
            defer { state.draining = true }
            return !state.draining
        }
        if idle { threads.submit(self) }
    }

    /// Called once, when the engine has stored the workflow's task.
    package func open(_ delegate: any FlowDelegate) {
        state.withLock { $0.delegate = delegate }
        threads.submit(self)
    }

    /// Lets go of the workflow; jobs that still arrive (a shared actor's) are run.
    package func close() {
        state.withLock { $0.delegate = nil }
    }

    /// Says that there is something to deliver; true if the caller must submit the flow to the threads.
    package func poke() -> Bool {
        state.withLock { state in
            state.poked = true
            defer { state.draining = true }
            return !state.draining
        }
    }

    package var intruded: Bool { state.withLock { $0.intruded } }

    /// True on the thread that drains this workflow.
    package var isCurrent: Bool { unsafe pthread_getspecific(Self.key) == Unmanaged.passUnretained(self).toOpaque() }
    /// True on a thread that drains any workflow.
    package static var isAnyCurrent: Bool { unsafe pthread_getspecific(key) != nil }
    /// False in a task that was given another executor by hand.
    package var isPreferredByCurrentTask: Bool {
        unsafe withUnsafeCurrentTask { unsafe $0?.unownedTaskExecutor == asUnownedTaskExecutor() }
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        unsafe pthread_key_create(&key, nil)
        return key
    }()

    /// Runs until nothing is left to run and nothing can be delivered.
    ///
    /// Called by one thread at a time, after a `submit`.
    package func drain() {
        unsafe pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
        defer { pthread_setspecific(Self.key, nil) }
        while true {
            if !rules.contains(.completionsWait), state.withLock({ $0.delegate })?.deliverNext() == true { continue }
            let (job, delegate) = state.withLock { $0.next(firstIn: rules.contains(.firstInFirstOut)) }
            if let job {
                unsafe job.runSynchronously(on: asUnownedTaskExecutor())
                continue
            }
            let delivered = delegate?.deliverNext() ?? false
            if !delivered, state.withLock({ $0.head == $0.jobs.count && !$0.poked }) { delegate?.idled() }
            let more = state.withLock { state in
                state.delivering = false
                if delivered || state.head < state.jobs.count || state.poked { return true }
                state.draining = false
                return false
            }
            if !more { return }
        }
    }
}

extension FlowExecutor.State {
    /// Before everything else; the place of the job that is running is free.
    fileprivate mutating func pushFront(_ job: UnownedJob) {
        if head > 0 {
            head -= 1
            jobs[head] = job
        } else {
            jobs.insert(job, at: 0)
        }
    }

    /// The next job, or what to ask for a completion.
    fileprivate mutating func next(firstIn: Bool) -> (UnownedJob?, (any FlowDelegate)?) {
        guard head < jobs.count else {
            // A parked workflow keeps a small buffer, not the one of its busiest moment.
            if jobs.capacity <= 16 { jobs.removeAll(keepingCapacity: true) } else { jobs = [] }
            head = 0
            poked = false
            delivering = true
            return (nil, delegate)
        }
        if !firstIn { return (jobs.removeLast(), nil) }
        defer { head += 1 }
        return (jobs[head], nil)
    }
}

/// The rules of the ``FlowExecutor``; all of them hold, except in the tests that prove that each is needed.
package struct FlowRules: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let firstInFirstOut = FlowRules(rawValue: 1)
    package static let hopsGoFirst = FlowRules(rawValue: 2)
    package static let completionsWait = FlowRules(rawValue: 4)
    package static let all: FlowRules = [.firstInFirstOut, .hopsGoFirst, .completionsWait]
}
