/// Starts workflows and looks at them, from a process that need not run any.
public final class Client: Sendable {
    package let core: ClientCore

    /// Opens a store.
    ///
    /// - Parameters:
    ///   - store: Where the workflows are kept.
    ///   - configuration: What also matters to a client: the codec, the limit of payloads, whether to migrate, and the log.
    /// - Throws: ``StoreError``, which says what to do.
    public convenience init(store: Store, configuration: EngineConfiguration = EngineConfiguration()) async throws {
        try await self.init(store: store, configuration: configuration, environment: .system(flowThreads: 1))
    }

    /// One that writes nothing: calls that would are errors, on SQLite.
    package convenience init(reading store: Store, configuration: EngineConfiguration = EngineConfiguration()) async throws {
        try await self.init(store: store, configuration: configuration, environment: .system(flowThreads: 1), readsOnly: true)
    }

    package init(
        store: Store, configuration: EngineConfiguration, environment: EngineEnvironment, readsOnly: Bool = false
    ) async throws {
        let number = configuration.codec.number
        guard configuration.codec is JSONPayloadCodec || number >= 100 else {
            throw WorkflowError(.invalidDeclaration, "the codec has the number \(number), and those below 100 are the library's own")
        }
        let backend = try await store.open(StoreSettings(migrate: configuration.migrate, readsOnly: readsOnly, log: configuration.log))
        core = ClientCore(
            store: backend, environment: environment,
            coder: PayloadCoder(codec: configuration.codec, limit: configuration.payloadLimit),
            version: configuration.version)
    }

    /// Ends the client's connections.
    ///
    /// Nothing may be called afterwards.
    public func close() async { await core.close() }

    /// Starts a workflow; returns when its start is durable.
    ///
    /// - Parameters:
    ///   - type: The workflow's type.
    ///   - input: What it is given.
    ///   - id: An idempotency key: a second start under it returns the same run, open or closed, unless the options say otherwise.
    ///   - options: Policies, timeout, delay, attributes, version.
    ///   - transaction: Starts when this transaction of Perdure's commits, and not if it does not.
    /// - Throws: ``WorkflowError`` if the id is taken in a way that the options do not allow; ``StoreError``.
    @discardableResult
    public func start<W: Workflow>(
        _ type: W.Type, _ input: W.Input, id: String? = nil, options: StartOptions = StartOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> where W.Input: Codable {
        try await start(type, core.coder.encode(input, what: "the input of workflow '\(W.name)'"), id, options, transaction)
    }

    /// Starts a workflow that takes nothing.
    @discardableResult
    public func start<W: Workflow>(
        _ type: W.Type, id: String? = nil, options: StartOptions = StartOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> where W.Input == Void {
        try await start(type, .void, id, options, transaction)
    }

    private func start<W: Workflow>(
        _ type: W.Type, _ input: EncodedPayload, _ id: String?, _ options: StartOptions, _ transaction: Transaction?
    ) async throws -> WorkflowHandle<W.Output> {
        try transaction?.checkOpen()
        let record = try await core.record(name: W.name, input: input, id: id, options, in: transaction)
        return try await start(type, record, options.policies, transaction)
    }

    /// At once, or with the transaction.
    func start<W: Workflow>(
        _ type: W.Type, _ record: WorkflowRecord, _ policies: IDPolicies, _ transaction: Transaction?
    ) async throws -> WorkflowHandle<W.Output> {
        let number: WorkflowNumber =
            if let transaction { try await start(record, policies, in: transaction) } else { try await core.start(record, policies) }
        return handle(type, record.id ?? Names.publicID(number), number)
    }

    private func start(_ record: WorkflowRecord, _ policies: IDPolicies, in transaction: Transaction) async throws -> WorkflowNumber {
        guard policies.conflict != .terminateExisting else {
            throw WorkflowError(
                .alreadyStarted, "`terminateExisting` waits for the end of the other run, which a transaction cannot: start outside it")
        }
        transaction.touch(.ready)
        if policies.cancelsOthers { transaction.touch(.inbox) }
        guard let result = try await transaction.backend.start([(record, policies)]).first else { return record.number }
        switch result {
        case .started: return record.number
        case .existing(let number): return number
        case .open(let number), .closed(let number): throw ClientCore.taken(record.id ?? "", number)
        case .otherType(let name): throw ClientCore.otherType(record, name)
        case .duplicate(let number): throw ClientCore.duplicate(policies, record, number)
        case .rejected(let error): throw error
        }
    }

    func handle<W: Workflow>(_ type: W.Type, _ id: String, _ number: WorkflowNumber) -> WorkflowHandle<W.Output> {
        WorkflowHandle(id: id, number: number, core: core, errors: ErrorRegistry(W.errors))
    }

    /// A handle of the newest run under an id; with a transaction, as that sees it.
    ///
    /// - Throws: ``WorkflowError`` if there is none, or it is of another type.
    public func handle<W: Workflow>(
        of type: W.Type, id: String, in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> {
        let number = try await core.number(ofID: id, in: transaction)
        let status = try await core.status(of: number, in: transaction)
        guard status.name == W.name else {
            throw WorkflowError(.otherType, "the workflow '\(id)' is of type '\(status.name)', not '\(W.name)'")
        }
        return handle(type, id, number)
    }

    /// Where the newest run under an id is in its life; with a transaction, as that sees it.
    public func status(of id: String, in transaction: Transaction? = nil) async throws -> WorkflowStatus {
        try await core.status(of: core.number(ofID: id, in: transaction), in: transaction)
    }

    /// Asks the newest run under an id to cancel; see ``WorkflowHandle/cancel(in:)``.
    public func cancel(_ id: String, in transaction: Transaction? = nil) async throws {
        try await core.deliver(InboxItem(workflow: core.number(ofID: id, in: transaction), kind: .cancel), in: transaction)
    }

    /// Ends the newest run under an id without running any of its code; see ``WorkflowHandle/terminate(in:)``.
    public func terminate(_ id: String, in transaction: Transaction? = nil) async throws {
        try await core.deliver(InboxItem(workflow: core.number(ofID: id, in: transaction), kind: .terminate), in: transaction)
    }

    /// Brings the newest run under an id back if it was set aside or paused; see ``WorkflowHandle/resume(in:)``.
    @discardableResult
    public func resume(_ id: String, in transaction: Transaction? = nil) async throws -> Bool {
        try await core.resume(core.number(ofID: id, in: transaction), in: transaction)
    }

    /// Runs SQL of the user's in one transaction of the store's database, together with what is started or asked `in:` it: an outbox for free.
    ///
    /// The body runs again as a whole after a serialization failure or a deadlock.
    @discardableResult
    public func transaction<Result: Sendable>(
        isolation: IsolationLevel = .serializable, _ body: (Transaction) async throws -> Result
    ) async throws -> Result {
        var attempt = 0
        while true {
            attempt += 1
            do {
                return try await transactionOnce(isolation, body)
            } catch let error as StoreError where error.code == .transient && attempt < 100 {
                await core.environment.clock.wait(.milliseconds(min(1 << min(attempt, 9), 500)))
            }
        }
    }

    private func transactionOnce<Result: Sendable>(
        _ isolation: IsolationLevel, _ body: (Transaction) async throws -> Result
    ) async throws -> Result {
        try Transaction.checkNotInside(core.store)
        let open = try await core.store.begin(isolation, for: nil)
        let db = Transaction(open)
        let result: Result
        do {
            result = try await Transaction.inside(core.store) { try await body(db) }
            db.close()
        } catch {
            db.close()
            // What the body has made of a serialization failure is no reason not to run it again.
            if let failure = await open.rollback(), failure.code == .transient { throw failure }
            throw error
        }
        _ = try await open.commit(nil, hadPending: false)
        let wakeups = db.wakeups
        if !wakeups.isEmpty {
            for wakeup in wakeups { core.incarnation.withLock { $0 }?.hint(wakeup) }
            await core.store.notify(wakeups)
        }
        return result
    }
}
