internal import Perdure

// What waits: for a moment, for something to arrive, or because engines died with it.
extension PostgresClaimer {
    func claimDue(_ repertoire: Repertoire, now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        if limit <= 0 { return [] }
        return try await run { session throws(StoreError) in
            var state = self.positions.withLock { $0 }
            // A little before the position: somebody may have suspended with a moment that had just passed.
            let after = Self.lagging(state.dueAfter)
            let rows = try self.fenced(
                session,
                Request(
                    self.statements.due,
                    [
                        .int8(after.due), .int8(after.number), .int8s(state.dueContested), .int8(now), .int8(Int64(limit)), .int8(self.me),
                        .texts(repertoire.workflows), .texts(repertoire.versions), .texts(repertoire.direct),
                    ]))
            var claimed: [Claimed] = []
            state.dueContested = []
            for row in 0..<rows.count {
                switch ClaimStatements.Row(rawValue: rows.int(row, 0)) {
                case .got:
                    claimed.append(
                        Claimed(
                            number: rows.int(row, 1), crashes: Int(rows.int(row, 2)), isFresh: rows.bool(row, 5) && rows.bool(row, 4),
                            isServed: rows.bool(row, 4)))
                case .contested: state.dueContested.insert(rows.int(row, 1))
                case .position: if rows.int(row, 3) > state.dueAfter.due { state.dueAfter = (rows.int(row, 3), rows.int(row, 1)) }
                default: break
                }
            }
            self.keep(state)
            self.store.crashes.insert(claimed, self.me)
            return claimed
        }
    }

    static func lagging(_ position: (due: Microseconds, number: WorkflowNumber)) -> (due: Microseconds, number: WorkflowNumber) {
        position.due < 5_000_000 ? (Int64.min, 0) : (position.due - 5_000_000, 0)
    }

    func claimArrived(_ numbers: [WorkflowNumber], _ repertoire: Repertoire) async throws(StoreError) -> [Claimed] {
        if numbers.isEmpty { return [] }
        return try await run { session throws(StoreError) in
            let rows = try self.fenced(
                session,
                Request(
                    self.statements.arrived,
                    [
                        .int8s(numbers), .int8(self.me), .texts(repertoire.workflows), .texts(repertoire.versions),
                        .texts(repertoire.direct), .texts(repertoire.paused), .texts(repertoire.queues),
                    ]))
            let claimed = rows.map {
                Claimed(number: rows.int($0, 0), crashes: Int(rows.int($0, 1)), isFresh: rows.bool($0, 2), isServed: rows.bool($0, 3))
            }
            self.store.crashes.insert(claimed, self.me)
            return claimed
        }
    }

    func nextSuspect(_ repertoire: Repertoire) async throws(StoreError) -> Suspect? {
        try await run { session throws(StoreError) in
            let rows = try session.query(
                self.statements.nextSuspect, [.texts(repertoire.workflows), .texts(repertoire.versions), .texts(repertoire.queues)])
            return rows.count == 0 ? nil : Suspect(crashes: Int(rows.int(0, 0)), due: rows.int(0, 1))
        }
    }

    func claimSuspects(
        _ repertoire: Repertoire, crashes: Int, now: Microseconds, limit: Int, probation: Duration, acquitted: [WorkflowNumber]
    ) async throws(StoreError) -> [Claimed] {
        if limit <= 0 { return [] }
        return try await run { session throws(StoreError) in
            let rows = try self.fenced(
                session,
                Request(
                    self.statements.suspects,
                    [
                        .int8(now), .int4(Int32(clamping: crashes)), .int8(Int64(limit)), .int8(self.me), .int8(probation.microseconds),
                        .texts(repertoire.workflows), .texts(repertoire.versions), .int8s(acquitted), .texts(repertoire.queues),
                        .texts(repertoire.direct),
                    ]))
            let claimed = rows.map {
                Claimed(number: rows.int($0, 0), crashes: Int(rows.int($0, 1)), isServed: rows.bool($0, 2))
            }
            self.store.crashes.insert(claimed, self.me)
            return claimed
        }
    }

    func claimExpired(now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        if limit <= 0 { return [] }
        return try await run { session throws(StoreError) in
            let rows = try self.fenced(session, Request(self.ready.expired, [.int8(now), .int8(Int64(limit)), .int8(self.me)]))
            return rows.map { Claimed(number: rows.int($0, 0), crashes: Int(rows.int($0, 1)), isFresh: true, isExpired: true) }
        }
    }

    func owned() async throws(StoreError) -> [WorkflowNumber] {
        try await run { session throws(StoreError) in
            let rows = try session.query(self.statements.owned, [.int8(self.me)])
            let owned = rows.map { Claimed(number: rows.int($0, 0), crashes: Int(rows.int($0, 1))) }
            self.store.crashes.insert(owned, self.me)
            return owned.map(\.number)
        }
    }

    func unbegun() async throws(StoreError) -> [WorkflowNumber] {
        try await run { session throws(StoreError) in
            let rows = try session.query(self.statements.unbegun, [.int8(self.me)])
            return rows.map { rows.int($0, 0) }
        }
    }

    func nextDue() async throws(StoreError) -> Microseconds? {
        try await run { session throws(StoreError) in
            let after = Self.lagging(self.positions.withLock { $0.dueAfter })
            let results = try session.pipeline([
                Request(.begin), Request(.byIndex), Request(self.statements.nextDue, [.int8(after.due)]), Request(.commit),
            ])
            return results[2].count == 0 ? nil : results[2].int(0, 0)
        }
    }
}
