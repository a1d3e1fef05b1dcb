/// Runs workflows in this process, and starts and looks at them.
///
/// ```swift
/// let engine = try await Engine(store: .sqlite("shop.db")) {
///     Checkout(payments: .live)
///     Ship(carrier: .live)
/// }
/// async let running: Void = engine.run()
/// let checkout = try await engine.start(Checkout.self, order, id: "order-\(order.id)")
/// let receipt = try await checkout.result()
/// ```
///
/// Any number of engines may share a database. Calls other than ``run(gracefulShutdownSignals:)`` work whether it runs or not.
public final class Engine: Sendable {
    /// For all that is not running: also what a process without workflows uses.
    public let client: Client
    private let settings: EngineConfiguration
    private let environment: EngineEnvironment
    private let declarations: Declarations
    private let isRunning = Lock(false)
    private let shutdown = ShutdownSwitch()
    let tally = EngineTally()

    /// Opens a store; nothing runs before ``run(gracefulShutdownSignals:)``.
    ///
    /// - Throws: ``StoreError``, which says what to do, or ``WorkflowError`` if the declarations contradict each other.
    public convenience init(
        store: Store, configuration: EngineConfiguration = EngineConfiguration(),
        @DeclarationBuilder workflows: () -> [Declaration]
    ) async throws {
        try await self.init(
            store: store, configuration: configuration, environment: .system(flowThreads: configuration.flowThreads), workflows: workflows)
    }

    package init(
        store: Store, configuration: EngineConfiguration, environment: EngineEnvironment,
        @DeclarationBuilder workflows: () -> [Declaration]
    ) async throws {
        var declarations = try Declarations(workflows(), PayloadCoder(codec: configuration.codec, limit: configuration.payloadLimit))
        settings = configuration
        self.environment = environment
        client = try await Client(store: store, configuration: configuration, environment: environment)
        declarations.addOwn(client.core)
        self.declarations = declarations
    }

    /// Runs workflows until it is asked to end, by ``gracefulShutdown()``, by a signal, or by a cancellation of the current task.
    ///
    /// Then no more begin, bodies of steps that run get a grace period (``EngineConfiguration/shutdownGrace``), and what is unfinished is handed
    /// to other engines, which go on with it at once. A second request of that kind ends the grace period; a third signal ends the process.
    ///
    /// When the lease is lost (the process was frozen, the database unreachable for long) everything in memory is dropped, the engine
    /// registers anew, and the application goes on.
    ///
    /// - Parameter gracefulShutdownSignals: Signals of the operating system that ask it to end, while it runs. None by default: signals
    ///   belong to the whole process. A program that does nothing else but run an engine gives `[.sigterm, .sigint]`; another, or one that
    ///   leaves its signals to a service group, calls ``gracefulShutdown()`` or cancels the task.
    /// - Throws: ``StoreError`` if the database cannot be used at all, ``WorkflowError`` if the engine runs already.
    public func run(gracefulShutdownSignals: [ShutdownSignal] = []) async throws {
        let isFirst = isRunning.withLock { isRunning in
            defer { isRunning = true }
            return !isRunning
        }
        guard isFirst else { throw WorkflowError(.invalidState, "this engine runs already: one `run()` is enough") }
        let signals = SignalWatch(gracefulShutdownSignals) { [shutdown] in shutdown.request() }
        defer {
            signals.cancel()
            shutdown.reset()
            isRunning.withLock { $0 = false }
        }
        try await withTaskCancellationHandler {
            try await runAgainAndAgain()
        } onCancel: {
            shutdown.cancel()
        }
    }

    /// Asks ``run(gracefulShutdownSignals:)`` to end, now or as soon as it is called; returns at once.
    ///
    /// Called again, it ends the grace period: bodies that still run are left behind, and what they did is done again elsewhere.
    public func gracefulShutdown() { shutdown.request() }

    private func runAgainAndAgain() async throws {
        var delay = Duration.milliseconds(50)
        while !shutdown.isRequested {
            let begun = environment.clock.instant()
            do {
                try await runOnce()
            } catch let error as StoreError where [.unavailable, .transient, .full, .fenced].contains(error.code) {
                settings.log(.warning, "the engine could not register, and tries again: \(error)")
            }
            // An incarnation that lived for a while is replaced at once; one that failed at its first step is no reason to spin.
            if environment.clock.instant() > begun + settings.lease { delay = .milliseconds(50) }
            let pause = Signal()
            shutdown.whenRequested { _ in pause.raise() }
            await pause.wait(until: environment.clock.instant() + delay, clock: environment.clock)
            delay = min(delay * 2, .seconds(5))
        }
    }

    private func runOnce() async throws {
        let incarnation = try await Incarnation(
            id: ExecutorID(bitPattern: environment.random() >> 1), store: client.core.store, settings: settings, environment: environment,
            declarations: declarations, client: client.core, tally: tally)
        client.core.incarnation.withLock { $0 = incarnation }
        shutdown.whenRequested { count in
            incarnation.end(.shutdown)
            if count > 1 { incarnation.hurry() }
        }
        let end = await incarnation.run()
        client.core.incarnation.withLock { $0 = nil }
        if case .fenced(let reason) = end {
            settings.log(.warning, "the engine has lost its lease; what it had goes to others, and it registers anew: \(reason)")
        }
    }

    /// Ends the engine's connections and threads.
    ///
    /// Call it after `run()` has returned; nothing may be called afterwards.
    public func close() async { await client.close() }

    /// Starts a workflow; see ``Client/start(_:_:id:options:in:)``.
    ///
    /// A running engine that has the workflow runs it at once.
    @discardableResult
    public func start<W: Workflow>(
        _ type: W.Type, _ input: W.Input, id: String? = nil, options: StartOptions = StartOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> where W.Input: Codable {
        try await client.start(type, input, id: id, options: options, in: transaction)
    }

    /// Starts a workflow that takes nothing.
    @discardableResult
    public func start<W: Workflow>(
        _ type: W.Type, id: String? = nil, options: StartOptions = StartOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> where W.Input == Void {
        try await client.start(type, id: id, options: options, in: transaction)
    }

    /// A handle of the newest run under an id; with a transaction, as that sees it.
    public func handle<W: Workflow>(
        of type: W.Type, id: String, in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> {
        try await client.handle(of: type, id: id, in: transaction)
    }

    /// Runs SQL of the user's; see ``Client/transaction(isolation:_:)``.
    @discardableResult
    public func transaction<Result: Sendable>(
        isolation: IsolationLevel = .serializable, _ body: (Transaction) async throws -> Result
    ) async throws -> Result {
        try await client.transaction(isolation: isolation, body)
    }
}
