package import Perdure

extension PostgresStore {
    package func register(_ executor: ExecutorID, _ description: ExecutorDescription) async throws(StoreError) {
        let (statements, count, terms) = (leasing, slots.count, description.terms)
        let hasGuard = hasAdvisoryLocks && terms.silence != nil
        let identity = try await connection(.lease).run { session throws(StoreError) -> ServerIdentity in
            try session.ready()
            var identity = try session.identify()
            let isGuarded = hasGuard ? try session.guards(executor, statements) != false : false
            do throws(StoreError) {
                try session.transaction { () throws(StoreError) in
                    try session.query(
                        statements.register,
                        [
                            .int8(executor), try .text(description.label), .int8(terms.lease.microseconds),
                            .int8(terms.silence?.microseconds), .bool(isGuarded),
                        ])
                    try session.query(
                        statements.serve,
                        [
                            .int8(executor), .texts(description.repertoire.pairs.map(\.workflow)),
                            .texts(description.repertoire.pairs.map(\.version)),
                        ])
                    try session.query(statements.serveQueues, [.int8(executor), .texts(description.repertoire.queues)])
                    let fences = try session.query(
                        identity.timeline == nil ? statements.fencesByBoot : statements.fences,
                        [.int8(executor), .int4(Int32(count)), .bool(identity.forgets)])
                    (identity.timeline, identity.position) = (fences.optionalText(0, 0), fences.optionalInt(0, 1))
                    identity.boot = fences.int(0, 2)
                }
            } catch {
                guard error.nativeCode == "23505" else { throw error }
                throw StoreError(.conflict, "executor \(executor) is registered already", nativeCode: error.nativeCode)
            }
            if isGuarded { session.guards[executor] = true }
            return identity
        }
        registry.insert(executor, identity)
    }

    package func renew(_ executor: ExecutorID, _ terms: LeaseTerms) async throws(StoreError) -> Duration? {
        let (registry, statements, hasGuard) = (registry, leasing, hasAdvisoryLocks && terms.silence != nil)
        let answer = try await connection(.lease).run { session throws(StoreError) -> (isThere: Bool, look: Duration?) in
            try session.ready(for: executor, registry)
            let isGuarded = hasGuard ? try session.guards(executor, statements) : false
            let parameters: [ParameterBuffer?] = [.int8(executor), .int8(terms.lease.microseconds), isGuarded.map { .bool($0) }]
            let rows: Rows
            if session.defaultsToReadCommitted {
                rows = try session.query(statements.renew, parameters)
            } else {
                rows = try session.pipeline([Request(.begin), Request(statements.renew, parameters), Request(.commit)])[1]
            }
            if isGuarded == true { session.guards[executor] = true }
            return rows.count == 0 ? (false, nil) : (true, rows.optionalInt(0, 1).map { .microseconds($0) })
        }
        guard answer.isThere else {
            throw StoreError(.fenced, "the lease of executor \(executor) is gone", nativeCode: SQLState.fenced)
        }
        return answer.look
    }

    package func reap(_ rules: ReapRules) async throws(StoreError) -> ReapReport {
        let reaper = reaper
        return try await connection(.reaper).runConnected { session throws(StoreError) in try reaper.reap(session, rules) }
    }

    package func lead(_ duty: Duty, _ executor: ExecutorID, for term: Duration) async throws(StoreError) -> Bool {
        let statement = leasing.lead
        return try await connection(.reaper).runConnected { session throws(StoreError) in
            try session.query(statement, [.text(duty.rawValue), .int8(executor), .int8(term.microseconds)]).count > 0
        }
    }

    /// On a connection of its own: a takeover does not wait for it.
    package func tidy(after sequence: Int64, limit: Int) async throws(StoreError) -> Tidied {
        let statement = leasing.tidyInbox
        return try await connection(.tidier).runConnected { session throws(StoreError) in
            let rows = try session.query(statement, [.int8(sequence), .int8(Int64(limit))])
            return Tidied(deleted: Int(rows.int(0, 0)), next: rows.int(0, 2) < limit ? nil : rows.optionalInt(0, 1))
        }
    }

    package func retire(_ executor: ExecutorID) async throws(StoreError) {
        let (reaper, statements) = (reaper, leasing)
        try await connection(.reaper).runConnected { session throws(StoreError) in try reaper.retire(session, executor) }
        registry.remove(executor)
        crashes.remove(executor)
        guard hasAdvisoryLocks else { return }
        try await connection(.lease).run { session throws(StoreError) in
            guard session.guards.removeValue(forKey: executor) != nil else { return }
            try session.query(statements.unlock, [.int8(executor)])
        }
    }
}

extension PostgresStore {
    private var reaper: Reaper { Reaper(schema, leasing, patience: patience, stubborn: stubborn, log: settings.log) }
}

extension Session {
    /// Takes the executor's advisory lock, which others see when they look for the dead: it goes with the process, and says no more than that.
    ///
    /// True if it is held anew, nil if that is known, false if it is not held.
    fileprivate func guards(_ executor: ExecutorID, _ statements: LeaseStatements) throws(StoreError) -> Bool? {
        // Behind a pooler the session is everybody's: its lock would say nothing about this process, and would stay behind.
        if isPooled { return false }
        if let isKnown = guards[executor] { return isKnown ? nil : true }
        guard try query(statements.lock, [.int8(executor)]).bool(0, 0) else { return false }
        guards[executor] = false
        return true
    }
}

extension Duration {
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
