package import Perdure

extension PostgresStore {
    package func register(_ executor: ExecutorID, label: String, lease: Duration) async throws(StoreError) {
        let (s, count) = (schema, slots.count)
        let identity = try await connection(.lease).run { session throws(StoreError) -> ServerIdentity? in
            try session.ready()
            let (timeline, known) = (session.identity?.timeline, session.identity)
            do throws(StoreError) {
                try session.transaction { () throws(StoreError) in
                    try session.query(
                        Statement(
                            "perdure_register", isPrepared: false,
                            """
                            INSERT INTO \(s).executors (executor, label, lease_until, started)
                            VALUES ($1::int8, $2::text, \(serverMicroseconds) + $3::int8, \(serverMicroseconds))
                            """), [.int8(executor), .text(label), .int8(lease.microseconds)])
                    try session.query(
                        Statement(
                            "perdure_fences", isPrepared: false,
                            """
                            INSERT INTO \(s).fences (executor, slot, timeline, boot)
                            SELECT $1::int8, n, $2::text, pg_postmaster_start_time() FROM generate_series(0, $3::int4 - 1) n
                            """), [.int8(executor), timeline.map { text throws(StoreError) in try .text(text) }, .int4(Int32(count))])
                }
            } catch {
                guard error.nativeCode == "23505" else { throw error }
                throw StoreError(.conflict, "executor \(executor) is registered already", nativeCode: error.nativeCode)
            }
            return known
        }
        if let identity { registry.insert(executor, identity) }
    }

    package func renew(_ executor: ExecutorID, lease: Duration) async throws(StoreError) {
        let registry = registry
        // A heartbeat must not hang in the wait for a synchronous standby.
        let local = Statement("perdure_local", "SET LOCAL synchronous_commit = local")
        let renew = Statement(
            "perdure_renew",
            "UPDATE \(schema).executors SET lease_until = \(serverMicroseconds) + $2::int8 WHERE executor = $1::int8 RETURNING executor")
        let found = try await connection(.lease).run { session throws(StoreError) in
            try session.ready(for: executor, registry)
            let results = try session.pipeline([
                Request(.begin), Request(local), Request(renew, [.int8(executor), .int8(lease.microseconds)]), Request(.commit),
            ])
            return results[2].count > 0
        }
        if !found { throw StoreError(.fenced, "the lease of executor \(executor) is gone", nativeCode: SQLState.fenced) }
    }

    package func reap(limit: Int) async throws(StoreError) -> ReapReport {
        let reaper = Reaper(schema, patience: patience, log: settings.log)
        return try await connection(.reaper).runConnected { session throws(StoreError) in try reaper.reap(session, limit: limit) }
    }

    package func retire(_ executor: ExecutorID) async throws(StoreError) {
        let reaper = Reaper(schema, patience: patience, log: settings.log)
        try await connection(.reaper).runConnected { session throws(StoreError) in try reaper.retire(session, executor) }
        registry.remove(executor)
        crashes.remove(executor)
    }
}

extension Duration {
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
