public import FoundationEssentials

extension WorkflowContext {
    /// Sleeps; a crash does not make it longer.
    ///
    /// Days and months are fine: a workflow that only sleeps is a row.
    ///
    /// Counted from ``now``. A duration of zero or below still gives others their turn.
    ///
    /// - Throws: `CancellationError` at once when the task is cancelled; then nothing is recorded.
    public func sleep(for duration: Duration) async throws {
        try await enter("sleep")
        try await sleep(untilMicroseconds: run.state.withLock { $0.now }.adding(duration))
    }

    /// Sleeps until a moment, by the engine's clock.
    ///
    /// - Throws: `CancellationError` at once when the task is cancelled; then nothing is recorded.
    public func sleep(until moment: Date) async throws {
        try await enter("sleep")
        let seconds = moment.timeIntervalSince1970
        guard !seconds.isNaN else { throw WorkflowError(.invalidName, "the moment to sleep until is not a number") }
        let due: Microseconds = seconds >= 9.2e12 ? .max : seconds <= -9.2e12 ? .min : Microseconds(seconds * 1_000_000)
        try await sleep(untilMicroseconds: due)
    }

    private func sleep(untilMicroseconds due: Microseconds) async throws {
        _ = try await call("@sleep", .timer, due: due) { key in
            let host = run.host
            let started = run.state.withLock { $0.now }
            let timer = host.clock.schedule(at: due) { [run] in
                run.record(key, .timer, .success(nil), started: started)
            }
            run.state.withLock { $0.setCancelWork(key) { host.clock.cancel(timer) } }
        }
    }
}
