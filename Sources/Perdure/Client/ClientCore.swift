internal import FoundationEssentials

/// What clients, engines and handles share.
package final class ClientCore: Sendable {
    package let store: any StoreBackend
    package let environment: EngineEnvironment
    package let coder: PayloadCoder
    package let numbers: NumberPool
    package let endings: EndingsWatch
    package let publications: PublicationsWatch
    private let starter: StartBatcher
    /// The engine's present incarnation, in a process that runs workflows.
    package let incarnation = Lock<Incarnation?>(nil)

    /// What workflows are started with, unless their options say otherwise.
    let version: String

    package init(store: any StoreBackend, environment: EngineEnvironment, coder: PayloadCoder, version: String = "") {
        self.store = store
        self.version = version
        self.environment = environment
        self.coder = coder
        numbers = NumberPool(store: store, clock: environment.clock)
        endings = EndingsWatch(store: store, clock: environment.clock)
        publications = PublicationsWatch(store: store, clock: environment.clock)
        starter = StartBatcher(store: store, owner: nil)
    }

    /// The row of a new workflow.
    func record(
        name: String, input: EncodedPayload, id: String?, _ options: StartOptions, in transaction: Transaction? = nil
    ) async throws -> WorkflowRecord {
        try Names.check(name, "the name of a workflow")
        if let id { try Names.check(id, "the id of a workflow") }
        if let version = options.version, !version.isEmpty { try Names.check(version, "the version of a workflow") }
        let now = environment.clock.now()
        let version = options.version ?? self.version
        let attributes = try SearchAttribute.stored(options.attributes)
        let due = options.delay.flatMap { $0 > .zero ? now.adding($0) : nil }
        return WorkflowRecord(
            number: try await number(in: transaction), id: id, lane: Lane(workflow: name, version: version), input: input,
            attributes: attributes,
            created: now, due: due, deadline: options.timeout.map { (due ?? now).adding($0) })
    }

    /// A new number; an open transaction may hold the lock that fetching one waits for.
    func number(in transaction: Transaction?) async throws -> WorkflowNumber {
        if let number = numbers.atHand() { return number }
        if let number = try await transaction?.nextNumber() { return number }
        return try await numbers.next()
    }

    /// The number of the run that the id stands for now.
    package func start(_ record: WorkflowRecord, _ asked: IDPolicies) async throws -> WorkflowNumber {
        var record = record
        var policies = asked
        while true {
            switch try await startOnce(record, policies) {
            case .started:
                // The one that had its key may have been asked to cancel.
                if policies.cancelsOthers { await wake(.inbox, nil) }
                return record.number
            case .existing(let number): return number
            case .open(let number) where policies.conflict == .terminateExisting:
                try await terminate(number)
                // Closed now; whatever the policy for closed runs is, this start was promised a new one.
                policies.reuse = .allowDuplicate
                record.number = try await numbers.next()
            case .open(let number), .closed(let number): throw Self.taken(record.id ?? "", number)
            case .otherType(let name): throw Self.otherType(record, name)
            case .duplicate(let number): throw Self.duplicate(policies, record, number)
            case .rejected(let error): throw error
            }
        }
    }

    static func taken(_ id: String, _ number: WorkflowNumber) -> WorkflowError {
        WorkflowError(
            .alreadyStarted, "the id '\(id)' is taken by run \(Names.publicID(number)), and the policy of this start says not to use it")
    }

    static func otherType(_ record: WorkflowRecord, _ name: String) -> WorkflowError {
        WorkflowError(
            .otherType,
            "the id '\(record.id ?? "")' is taken by a workflow of type '\(name)', so it cannot be started as '\(record.lane.workflow)'")
    }

    static func duplicate(_ policies: IDPolicies, _ record: WorkflowRecord, _ number: WorkflowNumber) -> WorkflowError {
        WorkflowError(
            .duplicate,
            "the deduplication key '\(policies.deduplication?.key ?? "")' of queue '\(record.lane.queue)' is taken by run \(Names.publicID(number))"
        )
    }

    /// A start is idempotent by its number, so a connection that is lost in it is no reason to fail.
    private func startOnce(_ record: WorkflowRecord, _ policies: IDPolicies) async throws(StoreError) -> StartResult {
        var attempts = 0
        while true {
            do throws(StoreError) {
                if let incarnation = incarnation.withLock({ $0 }), !incarnation.isEnding {
                    return try await incarnation.start(record, policies)
                }
                let result = try await starter.start(record, policies)
                if case .started = result, !store.announcesStarts { await store.notify([.ready]) }
                // Somebody's open transaction holds the id: it may be free in a moment.
                if case .rejected(let error) = result, error.code == .transient { throw error }
                return result
            } catch {
                attempts += 1
                guard error.code == .fenced || error.code == .transient || error.code == .unavailable, attempts < 8 else { throw error }
                await environment.clock.wait(.milliseconds(5 << attempts))
            }
        }
    }

    /// Many at once, none of which has an id.
    func startAll(_ starts: [(WorkflowRecord, IDPolicies)]) async throws -> [StartResult] {
        var attempts = 0
        while true {
            do throws(StoreError) {
                let results = try await store.start(starts, by: nil, isOwned: false)
                incarnation.withLock { $0 }?.hint(.ready)
                if !store.announcesStarts { await store.notify([.ready]) }
                if starts.contains(where: { $1.cancelsOthers }) { await wake(.inbox, nil) }
                return results
            } catch {
                attempts += 1
                guard error.code == .transient || error.code == .unavailable, attempts < 8 else { throw error }
                await environment.clock.wait(.milliseconds(5 << attempts))
            }
        }
    }

    /// Returns when it has ended, set aside or not.
    func terminate(_ number: WorkflowNumber) async throws {
        try await deliver(InboxItem(workflow: number, kind: .terminate))
        _ = try await endings.ending(of: number, orSetAside: false, isLocal: isLocal(number))
    }

    func ending(of number: WorkflowNumber) async throws -> Ending {
        try await endings.ending(of: number, isLocal: isLocal(number))
    }

    private func isLocal(_ number: WorkflowNumber) -> @Sendable () -> Bool {
        { [incarnation] in incarnation.withLock { $0 }?.residency.withLock { $0.runs[number] != nil } ?? false }
    }

    func close() async {
        await endings.close()
        await publications.close()
        await store.close()
        environment.close()
    }
}
