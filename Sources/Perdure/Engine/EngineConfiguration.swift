/// How an engine behaves; every setting has a default that is meant to be left alone.
public struct EngineConfiguration: Sendable {
    /// The version of the application that this engine runs: it claims workflows of this version, and those started without one.
    public var version: String = ""
    /// Versions of the application whose workflows this build runs as well; see <doc:SafeDeployments>.
    public var compatibleVersions: Set<String> = []
    /// How long after its last sign of life an engine counts as dead and its workflows go to others.
    public var lease: Duration = .seconds(10)
    /// How long an engine must have been silent before its workflows go to others although its lease has not ended, where the database shows
    /// that its process has gone; nil is never.
    ///
    /// On Postgres an engine holds a lock in its session, which the server frees when the process dies. That alone takes nothing from
    /// anybody: the engine must have been silent as well. Behind a pooler, and on SQLite, it is the lease that counts.
    public var silence: Duration? = .seconds(3)
    /// How many engines in a row may die with a workflow that makes no progress, before it is set aside with the reason.
    ///
    /// From the second such crash on the workflow has to wait before it is tried again, and it is tried with few others of its kind at a
    /// time, so that the innocent are soon told from it. Progress, a wait, and ``WorkflowHandle/resume(in:)`` set the count to zero.
    public var crashLimit: Int = 5
    /// How long a workflow waits after the second crash; the time doubles with each.
    public var crashBackoff: Duration = .seconds(1)
    /// At how many rows the history of a run is called long in the log: once at each of these, for a replay reads all of them.
    public var longHistories: Set<Int> = [10_000, 50_000, 250_000, 1_000_000]
    /// How many workflows are in memory at most; those that only wait beyond it are rows.
    public var maximumInMemory: Int = 20_000
    /// The largest input, result, error or progress, in bytes after encoding.
    public var payloadLimit: Int = 2 << 20
    /// How payloads are encoded.
    public var codec: any PayloadCodec = .json
    /// How long `run()` waits for the bodies of steps when it is asked to end.
    public var shutdownGrace: Duration = .seconds(10)
    /// How long the body of a step that has timed out may take to end, before it is abandoned and named in the log.
    public var stepGrace: Duration = .seconds(5)
    /// How many threads run workflows' own code; 0 is one for each core, at least two.
    ///
    /// Bodies of steps begin there too, unless what they call has an executor of its own; a thread that is held for long is replaced.
    public var flowThreads: Int = 0
    /// Create and migrate the tables when the store is opened.
    public var migrate: Bool = true
    /// Receives what people should know.
    ///
    /// By default warnings and errors go to standard error.
    public var log: @Sendable (LogLevel, String) -> Void = EngineConfiguration.logToStandardError

    /// The defaults.
    public init() {}

    /// The versions whose workflows an engine runs.
    package var servedVersions: Set<String> { compatibleVersions.union(["", version]) }
    package var crashes: CrashRules { CrashRules(limit: crashLimit, backoff: crashBackoff) }
    /// For how long after a heartbeat nobody can have taken over: one that is cut off loses its lock, and is taken for dead before its lease ends.
    var tenure: Duration { min(lease, silence ?? lease) }
    package var terms: LeaseTerms { LeaseTerms(lease: lease, silence: silence) }

    /// Writes warnings and errors to standard error, a line each, control characters escaped.
    @Sendable public static func logToStandardError(_ level: LogLevel, _ message: String) {
        guard level >= .warning else { return }
        let line = message.unicodeScalars.reduce(into: "perdure: ") { line, scalar in
            if scalar.value < 0x20 || scalar.value == 0x7F {
                line += scalar.escaped(asASCII: true)
            } else {
                line.unicodeScalars.append(scalar)
            }
        }
        System.write(line + "\n")
    }
}

/// What an engine takes from outside, so that tests and simulations can give it something else.
package struct EngineEnvironment: Sendable {
    package var clock: any EngineClock
    package var threads: any FlowThreads
    package var flowRules: FlowRules = .all
    /// Where the bodies of steps run, unless something in them has an executor of its own; nil is the global pool.
    package var stepExecutor: (any TaskExecutor)?
    /// Where the engine's own loops run.
    package var loops: any TaskExecutor
    package var random: @Sendable () -> UInt64
    /// Ends the threads above.
    package var close: @Sendable () -> Void

    package init(
        clock: any EngineClock, threads: any FlowThreads, flowRules: FlowRules = .all, stepExecutor: (any TaskExecutor)?,
        loops: any TaskExecutor, random: @escaping @Sendable () -> UInt64, close: @escaping @Sendable () -> Void = {}
    ) {
        self.clock = clock
        self.threads = threads
        self.flowRules = flowRules
        self.stepExecutor = stepExecutor
        self.loops = loops
        self.random = random
        self.close = close
    }

    /// The machine's own.
    package static func system(flowThreads: Int) -> EngineEnvironment {
        let clock = SystemClock()
        let threads = FlowThreadPool(count: flowThreads > 0 ? flowThreads : max(2, System.processorCount))
        let loops = ThreadExecutor(name: "perdure-engine")
        return EngineEnvironment(
            clock: clock, threads: threads, stepExecutor: threads, loops: loops, random: { .random(in: .min ... .max) }
        ) {
            clock.stop()
            threads.stop()
            loops.stop()
        }
    }
}
