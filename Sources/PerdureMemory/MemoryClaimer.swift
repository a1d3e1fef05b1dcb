internal import Perdure

/// Claims for one executor.
///
/// A claim is one step of the state machine, so only the arrivals need a position.
final class MemoryClaimer: Claimer {
    private let database: MemoryDatabase
    private let owner: ExecutorID
    /// The sequence of the last row of an inbox that was reported.
    private let position = Lock<Int64>(0)

    init(_ database: MemoryDatabase, for owner: ExecutorID) {
        self.database = database
        self.owner = owner
    }

    func scout(_ repertoire: Repertoire) async throws(StoreError) -> [ReadyLane] {
        try database.perform(.scout, by: owner) { tables, _ in tables.scout(repertoire) }
    }

    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimReport {
        try database.perform(.claim, by: owner) { tables, now throws(StoreError) in try tables.claim(request, by: owner, now: now) }
    }

    func displace(_ request: DisplaceRequest) async throws(StoreError) -> DisplaceReport {
        try database.perform(.displace, by: owner) { tables, now throws(StoreError) in
            try tables.displace(request, by: owner, now: now)
        }
    }

    func claimExpired(now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        try database.perform(.claimExpired, by: owner) { tables, _ throws(StoreError) in
            try tables.claimExpired(now: now, limit: limit, by: owner)
        }
    }

    func slots() async throws(StoreError) -> [Slot] {
        try database.perform(.slots, by: owner) { tables, _ in tables.slots.held(by: owner) }
    }

    func free(_ slots: [Slot]) async throws(StoreError) {
        try database.perform(.free, by: owner) { tables, _ throws(StoreError) in
            try tables.checkFence(owner)
            for slot in slots { tables.slots.free(slot, of: owner) }
        }
    }

    func claimDue(_ repertoire: Repertoire, now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        try database.perform(.claimDue, by: owner) { tables, _ throws(StoreError) in
            try tables.claimDue(repertoire, now: now, limit: limit, by: owner)
        }
    }

    func claimArrived(_ numbers: [WorkflowNumber], _ repertoire: Repertoire) async throws(StoreError) -> [Claimed] {
        try database.perform(.claimArrived, by: owner) { tables, _ throws(StoreError) in
            try tables.claimArrived(numbers, repertoire, by: owner)
        }
    }

    func nextSuspect(_ repertoire: Repertoire) async throws(StoreError) -> Suspect? {
        try database.perform(.nextSuspect, by: owner) { tables, _ in tables.nextSuspect(repertoire) }
    }

    func claimSuspects(
        _ repertoire: Repertoire, crashes: Int, now: Microseconds, limit: Int, probation: Duration, acquitted: [WorkflowNumber]
    ) async throws(StoreError) -> [Claimed] {
        try database.perform(.claimSuspects, by: owner) { tables, time throws(StoreError) in
            try tables.acquit(acquitted, by: owner)
            return try tables.claimSuspects(
                repertoire, crashes: crashes, now: now, limit: limit, until: time + probation.microseconds, by: owner)
        }
    }

    func owned() async throws(StoreError) -> [WorkflowNumber] {
        try database.perform(.owned, by: owner) { tables, _ in tables.owned[owner]?.sorted() ?? [] }
    }

    func unbegun() async throws(StoreError) -> [WorkflowNumber] {
        try database.perform(.owned, by: owner) { tables, _ in
            (tables.owned[owner] ?? []).filter { tables.live[$0]?.endsUnrun == true }.sorted()
        }
    }

    func nextDue() async throws(StoreError) -> Microseconds? {
        try database.perform(.nextDue, by: owner) { tables, _ in tables.nextDue() }
    }

    func arrivals() async throws(StoreError) -> [WorkflowNumber] {
        let start = position.withLock { $0 }
        let (workflows, end) = try database.perform(.arrivals, by: owner) { tables, _ in tables.arrivals(after: start) }
        // Only now: of a call whose reply was lost nothing is forgotten. And not over a reset that came in between.
        position.withLock { position in
            if position == start { position = end }
        }
        return workflows
    }

    func reset() { position.withLock { $0 = 0 } }

    func close() async {}
}
