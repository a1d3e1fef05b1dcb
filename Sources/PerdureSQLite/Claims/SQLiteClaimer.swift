internal import Perdure

extension Query {
    fileprivate static let firstDue = Query("SELECT min(due) FROM perdure_live WHERE state = 2")
    fileprivate static let owned = Query("SELECT number FROM perdure_live WHERE state = 1 AND executor = ?1 ORDER BY number")
    fileprivate static let unbegun = Query(
        "SELECT number FROM perdure_live WHERE state = 1 AND executor = ?1 AND probation = -1 ORDER BY number")
    fileprivate static let arrivals = Query(
        "SELECT sequence, workflow FROM perdure_inbox WHERE sequence > ?1 AND seen = 0 ORDER BY sequence")
}

/// Claims for one executor.
///
/// Looks first, on the reading connection, so that an idle engine never asks for the write lock.
///
/// No positions are needed for what is ready or due: a deleted index entry of SQLite is gone at once, where Postgres keeps it for readers.
final class SQLiteClaimer: Claimer {
    private let store: SQLiteStore
    private let executor: ExecutorID
    /// The inbox up to here has been looked at.
    ///
    /// Writers take turns, so sequences are committed in their order.
    private let position = Lock<Int64>(0)

    init(_ store: SQLiteStore, for executor: ExecutorID) {
        self.store = store
        self.executor = executor
    }

    /// One transaction of this executor's.
    private func write<Value: Sendable>(
        _ body: @Sendable (Connection, ExecutorID) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let executor = executor
        return try await store.writer.write { connection throws(StoreError) in
            try connection.fence(executor)
            return try body(connection, executor)
        }
    }

    func scout(_ repertoire: Repertoire) async throws(StoreError) -> [ReadyLane] {
        if repertoire.workflows.isEmpty || repertoire.versions.isEmpty { return [] }
        return try await store.reader.read { connection throws(StoreError) in try connection.readyLanes(repertoire) }
    }

    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimReport {
        let clock = store.options.clock
        return try await write { connection, executor throws(StoreError) in
            try connection.claim(request, for: executor, now: clock())
        }
    }

    func displace(_ request: DisplaceRequest) async throws(StoreError) -> DisplaceReport {
        let clock = store.options.clock
        return try await write { connection, executor throws(StoreError) in
            try connection.displace(request, for: executor, now: clock())
        }
    }

    func claimExpired(now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        let found = try await store.reader.read { connection throws(StoreError) in try connection.expired(now: now, limit: min(limit, 1)) }
        if found.isEmpty { return [] }
        return try await write { connection, executor throws(StoreError) in
            var claimed: [Claimed] = []
            for number in try connection.expired(now: now, limit: limit) {
                claimed += try connection.own(number, isFresh: true, isExpired: true, endsUnrun: true, for: executor)
            }
            return claimed
        }
    }

    func slots() async throws(StoreError) -> [Slot] {
        let executor = executor
        return try await store.reader.read { connection throws(StoreError) in try connection.slots(of: executor) }
    }

    func free(_ slots: [Slot]) async throws(StoreError) {
        if slots.isEmpty { return }
        try await write { connection, executor throws(StoreError) in
            for slot in slots { try connection.free(slot, of: executor) }
        }
    }

    func claimDue(_ repertoire: Repertoire, now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        guard limit > 0, let first = try await nextDue(), first <= now else { return [] }
        return try await write { connection, executor throws(StoreError) in
            var claimed: [Claimed] = []
            for row in try connection.due(now: now, limit: limit) { claimed += try connection.wake(row, repertoire, for: executor) }
            return claimed
        }
    }

    func claimArrived(_ numbers: [WorkflowNumber], _ repertoire: Repertoire) async throws(StoreError) -> [Claimed] {
        guard !numbers.isEmpty else { return [] }
        let found = try await store.reader.read { connection throws(StoreError) in
            var found: [WorkflowNumber] = []
            for number in numbers where try connection.claimable(number, repertoire) != nil { found.append(number) }
            return found
        }
        guard !found.isEmpty else { return [] }
        return try await write { connection, executor throws(StoreError) in
            var claimed: [Claimed] = []
            for number in found {
                guard let row = try connection.claimable(number, repertoire) else { continue }
                claimed += try connection.wake(row, repertoire, for: executor)
                if row.state == .setAside { try connection.clearAside(number) }
            }
            return claimed
        }
    }

    func nextSuspect(_ repertoire: Repertoire) async throws(StoreError) -> Suspect? {
        try await store.reader.read { connection throws(StoreError) in
            try connection.suspects(of: repertoire).first.map { Suspect(crashes: $0.crashes, due: $0.due ?? .min) }
        }
    }

    func claimSuspects(
        _ repertoire: Repertoire, crashes: Int, now: Microseconds, limit: Int, probation: Duration, acquitted: [WorkflowNumber]
    ) async throws(StoreError) -> [Claimed] {
        guard limit > 0 else { return [] }
        let clock = store.options.clock
        return try await write { connection, executor throws(StoreError) in
            for number in acquitted { try connection.acquit(number, by: executor) }
            let end = clock().adding(probation)
            let found = try connection.suspects(of: repertoire).filter { $0.crashes == crashes && ($0.due ?? .min) <= now }
            var claimed: [Claimed] = []
            for suspect in found.prefix(limit) {
                claimed +=
                    suspect.isServed
                    ? try connection.claim(suspect: suspect.number, until: end, for: executor)
                    : try connection.passOn(suspect: suspect.number)
            }
            return claimed
        }
    }

    func owned() async throws(StoreError) -> [WorkflowNumber] {
        let executor = executor
        return try await store.reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.owned)
            statement.bind(1, executor)
            return try statement.all { $0.int(0) }
        }
    }

    func unbegun() async throws(StoreError) -> [WorkflowNumber] {
        let executor = executor
        return try await store.reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.unbegun)
            statement.bind(1, executor)
            return try statement.all { $0.int(0) }
        }
    }

    func nextDue() async throws(StoreError) -> Microseconds? {
        let first = try await store.reader.read { connection throws(StoreError) in
            try connection.prepared(.firstDue).first { $0.optionalInt(0) } ?? nil
        }
        return first == .max ? nil : first
    }

    func arrivals() async throws(StoreError) -> [WorkflowNumber] {
        let start = position.withLock { $0 }
        let rows = try await store.reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.arrivals)
            statement.bind(1, start)
            return try statement.all { (sequence: $0.int(0), workflow: $0.int(1)) }
        }
        guard let last = rows.last else { return [] }
        // A reset in the meantime is not undone.
        position.withLock { position in
            if position == start { position = last.sequence }
        }
        var seen: Set<WorkflowNumber> = []
        return rows.map(\.workflow).filter { seen.insert($0).inserted }
    }

    func reset() { position.withLock { $0 = 0 } }

    func close() async {}
}
