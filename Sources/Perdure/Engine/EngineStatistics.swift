/// What an engine holds in memory at one moment, and what it has done since it was made.
///
/// It is of this engine alone, in this process: what all engines together have done is in the tables.
public struct EngineStatistics: Sendable, Hashable {
    /// Workflows in memory now.
    public var inMemory = 0
    /// Those in memory that do nothing but wait: for a timer, a child, the next attempt of a step.
    ///
    /// They make room when others need it.
    public var waiting = 0
    /// Workflows that were brought into memory to be run: new ones, and each return of one that had left.
    public var started = 0
    /// Workflows that ended here, however they ended.
    public var finished = 0
    /// Runs that went on as new ones here.
    public var continued = 0
    /// Workflows that were set aside here, to be looked at by a person.
    public var setAside = 0
    /// Workflows that were taken out of memory while they waited.
    public var unloaded = 0
    /// Tasks of workflows that swallow the error by which they are taken out of memory, and were therefore left suspended for good.
    ///
    /// They are named in the log. Each keeps its memory until the process ends: let `CancellationError` pass when
    /// ``WorkflowContext/isUnloading`` is true.
    public var parkedForever = 0
    /// Bodies of steps that timed out, did not end when they were cancelled, and still run.
    ///
    /// They are named in the log.
    public var abandonedBodies = 0
}

/// Counts for ``EngineStatistics``, over all incarnations of an engine.
package final class EngineTally: Sendable {
    private let counts = Lock(EngineStatistics())

    package init() {}

    func count(_ change: (inout EngineStatistics) -> Void) { counts.withLock(change) }

    var total: EngineStatistics { counts.withLock { $0 } }
}

extension Engine {
    /// What the engine holds in memory now, and what it has done since it was made.
    ///
    /// Looks at every workflow in memory, so it is for a metric that is read now and then.
    public var statistics: EngineStatistics {
        var statistics = tally.total
        let runs = client.core.incarnation.withLock { $0 }?.residency.withLock { Array($0.runs.values) } ?? []
        statistics.inMemory = runs.count
        statistics.waiting = runs.count { run in run.state.withLock { $0.unloadableUntil != nil } }
        return statistics
    }
}
