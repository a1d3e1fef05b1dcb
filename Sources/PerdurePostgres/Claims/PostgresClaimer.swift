package import Perdure

/// Claims for one executor, each claim a fenced transaction of its own.
final class PostgresClaimer: Claimer {
    let store: PostgresStore
    private let connection: PostgresConnection
    let statements: ClaimStatements
    let ready: ReadyStatements
    let limits: LimitStatements
    let me: ExecutorID
    let positions = Lock(ClaimPositions())

    init(_ store: PostgresStore, executor: ExecutorID) {
        self.store = store
        connection = PostgresConnection(store.settings, thread: store.threads.take())
        statements = ClaimStatements(store.schema)
        ready = ReadyStatements(store.schema)
        limits = LimitStatements(store.schema)
        me = executor
    }

    var executor: (any TaskExecutor)? { connection.thread }

    func reset() {
        positions.withLock { $0.reset() }
    }

    func close() async {
        await connection.close()
        store.threads.putBack(connection.thread)
    }

    func open() async throws(StoreError) { try await run { _ throws(StoreError) in } }

    func glance(_ repertoire: Repertoire) async throws(StoreError) -> Glance {
        try await run { session throws(StoreError) in
            let state = self.positions.withLock { $0 }
            let seen = try session.query(
                self.statements.glance,
                [
                    .texts(repertoire.workflows), .texts(repertoire.versions), .texts(repertoire.queues), .xid8(state.scout.transaction),
                    .int8(state.scout.number), .int8(Self.lagging(state.dueAfter).due), .xid8(state.inbox.transaction),
                    .int8(state.inbox.number),
                ])
            return Glance(
                ready: seen.bool(0, 0) || !state.scout.late.isEmpty || !state.leftovers.isEmpty,
                inbox: seen.bool(0, 1) || !state.inbox.late.isEmpty,
                nextDue: state.dueContested.isEmpty ? seen.optionalInt(0, 2) : .min,
                suspect: seen.optionalInt(0, 4).map { Suspect(crashes: Int(seen.int(0, 3)), due: $0) },
                expired: seen.bool(0, 5), queues: seen.optionalInt(0, 6), pauses: seen.optionalInt(0, 8),
                nextSchedule: seen.optionalInt(0, 7))
        }
    }

    // MARK: The transaction

    func fenced(_ session: Session, after first: [Request] = [], _ request: Request) throws(StoreError) -> Rows {
        // As in a batch, first and last: who is frozen in a claim would hold what is ready, and nobody would see it.
        let fence = try fence
        let results = try session.pipeline([Request(.begin), fence, Request(.byIndex)] + first + [request, fence, Request(.commit)])
        try check(results)
        return results[results.count - 3]
    }

    var fence: Request { get throws(StoreError) { Request(statements.fence, [.int8(me), .int4(store.slots.claims)]) } }

    /// Whether what ends with the fence and COMMIT was committed.
    func check(_ results: [Rows]) throws(StoreError) {
        guard results.count >= 2, results[results.count - 1].tag == "COMMIT" else {
            throw StoreError(.transient, "the claim was rolled back instead of committed")
        }
        store.registry.acknowledge(me, results[results.count - 2].int(0, 0))
    }

    func run<Result: Sendable>(
        _ body: @Sendable (Session) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        try await connection.run { session throws(StoreError) in
            try session.ready(for: self.me, self.store.registry)
            return try body(session)
        }
    }

    func keep(_ state: ClaimPositions) {
        positions.withLock { if $0.epoch == state.epoch { $0 = state } }
    }
}

extension PostgresStore {
    package func claimer(for executor: ExecutorID) async throws(StoreError) -> any Claimer {
        let claimer = PostgresClaimer(self, executor: executor)
        do throws(StoreError) {
            try await claimer.open()
        } catch {
            await claimer.close()
            throw error
        }
        return claimer
    }
}
