#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
internal import Dispatch

/// An executor with one thread of its own, so that what runs on it may block: a database connection, a heartbeat, a loop of the engine.
///
/// Nothing that blocks the global pool (two user bodies are enough on two cores) can delay what runs here.
package final class ThreadExecutor: SerialExecutor, TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var idle = false
        var stopped = false
        /// The thread has ended.
        var ended = false
    }

    private let state = Lock(State())
    private let wake = DispatchSemaphore(value: 0)
    package let name: String

    /// Starts the thread at once; it ends with `stop()`.
    package init(name: String) {
        self.name = name
        startThread(name: name) { self.loop() }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let (mustWake, mustStart) = state.withLock { state in
            state.jobs.append(job)
            defer {
                state.idle = false
                state.ended = false
            }
            return (state.idle, state.ended)
        }
        if mustWake { wake.signal() }
        if mustStart { startThread(name: name) { self.loop() } }
    }

    /// Ends the thread when what is queued has run.
    ///
    /// What comes later (the body of a step that outlives its engine asks a connection that is closed) is run all the same, on a thread that
    /// is started for it: it will be told that it is too late, and must not take the process down.
    package func stop() {
        let mustWake = state.withLock { state in
            state.stopped = true
            defer { state.idle = false }
            return state.idle
        }
        if mustWake { wake.signal() }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    private func loop() {
        var lingers = false
        while true {
            if lingers { linger() }
            let (jobs, stopped): ([UnownedJob], Bool) = state.withLock { state in
                let jobs = state.jobs
                state.jobs = []
                if jobs.isEmpty {
                    state.idle = !state.stopped
                    state.ended = state.stopped
                }
                return (jobs, state.stopped)
            }
            lingers = !jobs.isEmpty
            for job in jobs {
                unsafe job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
            if jobs.isEmpty {
                if stopped { return }
                wake.wait()
            }
        }
    }
}

extension ThreadExecutor {
    /// After work there is often more in a moment, and to wake a sleeping thread takes longer than that.
    ///
    /// It yields to whoever has work.
    private func linger() {
        let end = ContinuousClock.now + .microseconds(200)
        repeat {
            if state.withLock({ !$0.jobs.isEmpty || $0.stopped }) { return }
            sched_yield()
        } while ContinuousClock.now < end
    }
}

/// Starts a detached thread of the operating system under a name that `top -H` and debuggers show (15 bytes of it).
package func startThread(name: String, _ body: @escaping @Sendable () -> Void) {
    let box = unsafe Unmanaged.passRetained(ThreadBody(name: String(name.prefix(15)), run: body))
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer { unsafe pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    let status = unsafe pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument = unsafe argument else { return nil }
            let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
            nameThread(body.name)
            body.run()
            return nil
        }, box.toOpaque())
    precondition(status == 0, "no thread could be started for '\(name)' (errno \(status)): raise the limit of processes (ulimit -u)")
}

/// Names the current thread.
///
/// Not by `pthread_setname_np` on Linux: Swift's module of the C library does not have it.
private func nameThread(_ name: String) {
    #if canImport(Glibc)
        let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        if file < 0 { return }
        _ = unsafe write(file, name, name.utf8.count)
        close(file)
    #else
        unsafe pthread_setname_np(name)
    #endif
}

private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}
