internal import Perdure

/// The statements of leases, written for one schema.
struct LeaseStatements: Sendable {
    let register: Statement
    let fences: Statement
    let serve: Statement
    let renew: Statement
    let lock: Statement
    let unlock: Statement
    let expired: Statement
    let take: Statement
    let takeServed: Statement
    let takeDuties: Statement
    let takeFences: Statement
    let mark: Statement
    let lead: Statement
    let tidyInbox: Statement
    let giveBack: Statement

    /// Whether a session holds the advisory lock of the executor of row `e`.
    ///
    /// Looked up and not tried: to try it would be to hold it for a moment, just when its owner wants it.
    private static let isLocked = """
        EXISTS (SELECT FROM pg_locks k WHERE k.locktype = 'advisory' AND k.granted AND k.objsubid = 1
            AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND k.classid = (e.executor >> 32)::oid AND k.objid = (e.executor & 4294967295)::oid)
        """

    init(_ s: SchemaName) {
        register = Statement(
            "perdure_register", isPrepared: false,
            """
            INSERT INTO \(s).executors (executor, label, lease_until, renewed, alive_since, silence, guarded_since, started)
            SELECT $1::int8, $2::text, n + $3::int8, n, n, $4::int8, CASE WHEN $5::bool THEN n END, n FROM (SELECT \(serverMicroseconds) AS n) t
            """)
        fences = Statement(
            "perdure_fences", isPrepared: false,
            """
            INSERT INTO \(s).fences (executor, slot, timeline, boot)
            SELECT $1::int8, n, $2::text, pg_postmaster_start_time() FROM generate_series(0, $3::int4 - 1) n
            """)
        serve = Statement(
            "perdure_serve", isPrepared: false,
            "INSERT INTO \(s).served (executor, name, version) SELECT $1::int8, u.* FROM unnest($2::text[], $3::text[]) AS u(name, version)"
        )
        lock = Statement("perdure_guard", isPrepared: false, "SELECT pg_try_advisory_lock($1::int8)")
        unlock = Statement("perdure_unguard", isPrepared: false, "SELECT pg_advisory_unlock($1::int8)")
        renew = Self.renew(s)
        expired = Self.expired(s)
        take = Statement(
            "perdure_take_lease",
            """
            DELETE FROM \(s).executors e WHERE e.executor = $1::int8
                AND (NOT $2::bool OR e.lease_until < \(serverMicroseconds) OR (e.guarded_since IS NOT NULL
                    AND e.renewed < \(serverMicroseconds) - e.silence))
            RETURNING label, renewed
            """)
        takeServed = Statement("perdure_take_served", "DELETE FROM \(s).served WHERE executor = $1::int8")
        takeDuties = Statement("perdure_take_duties", "DELETE FROM \(s).leaders WHERE executor = $1::int8")
        takeFences = Statement("perdure_take_fences", "DELETE FROM \(s).fences WHERE executor = $1::int8")
        mark = Statement(
            "perdure_mark_reaped",
            """
            INSERT INTO \(s).reaped (executor, crashed, label, heard)
            SELECT $1::int8, $2::bool, $3::text, CASE WHEN EXISTS (SELECT FROM \(s).live WHERE state = 1 AND executor = $1::int8
                AND crashes >= \(CrashRules.suspicion) AND probation >= $4::int8) THEN $4::int8 END
            ON CONFLICT DO NOTHING
            """)
        giveBack = Self.giveBack(s)
        lead = Statement(
            "perdure_lead",
            """
            INSERT INTO \(s).leaders AS l (duty, executor, until) SELECT $1::text, $2::int8, n + $3::int8 FROM (SELECT \(serverMicroseconds) AS n) t
            ON CONFLICT (duty) DO UPDATE SET executor = excluded.executor, until = excluded.until
                WHERE l.executor = excluded.executor OR l.until < excluded.until - $3::int8
            RETURNING duty
            """)
        tidyInbox = Statement(
            "perdure_tidy_inbox", isPrepared: false,
            """
            DELETE FROM \(s).inbox WHERE sequence = ANY(ARRAY(SELECT i.sequence FROM \(s).inbox i
                WHERE (SELECT true FROM \(s).outcomes o WHERE o.workflow = i.workflow) LIMIT $1::int8 FOR UPDATE OF i SKIP LOCKED))
            RETURNING sequence
            """)
    }

    /// A chunk of $2 of what $1 owned.
    ///
    /// With $3 it has crashed: whatever it owned is counted, but if suspects were on probation then ($4 is when it was last heard; NULL if
    /// there were none), of the suspects only those. $5 crashes are too many, for the reason $6; the pause after the second is $7, and $8 at
    /// most. It is $9.
    private static func giveBack(_ s: SchemaName) -> Statement {
        let pause = "least($7::int8 << least(c.crashes - \(CrashRules.suspicion), 20), $8::int8)"
        return Statement(
            "perdure_give_back",
            """
            WITH o AS MATERIALIZED (SELECT number, crashes, probation FROM \(s).live WHERE state = 1 AND executor = $1::int8
                ORDER BY number LIMIT $2::int8 FOR UPDATE SKIP LOCKED),
            b AS (SELECT number, crashes,
                $3::bool AND ($4::int8 IS NULL OR crashes < \(CrashRules.suspicion) OR coalesce(probation >= $4::int8, false)) AS blamed FROM o),
            c AS MATERIALIZED (SELECT number, blamed, least(crashes + CASE WHEN blamed THEN 1 ELSE 0 END, 32000)::int4 AS crashes FROM b),
            u AS (UPDATE \(s).live l SET executor = NULL, lane = l.lane | 1, tx = pg_current_xact_id(), crashes = c.crashes, probation = NULL,
                    state = CASE WHEN c.blamed AND c.crashes >= $5::int4 THEN 3 WHEN c.crashes >= \(CrashRules.suspicion) THEN 4 ELSE 0 END,
                    due = CASE WHEN c.crashes < \(CrashRules.suspicion) THEN l.due WHEN NOT $3::bool THEN coalesce(l.due, $9::int8)
                        ELSE greatest(l.due, $9::int8 + \(pause) + \(pause) * (c.number & 63) / 256) END
                FROM c WHERE l.number = c.number AND l.number = ANY(ARRAY(SELECT number FROM c)) RETURNING l.number, l.state),
            a AS (INSERT INTO \(s).asides (number, reason, since) SELECT number, $6::text, $9::int8 FROM u WHERE state = 3
                ON CONFLICT (number) DO UPDATE SET reason = excluded.reason, since = excluded.since)
            SELECT number, state FROM u
            """)
    }

    /// One statement, so that a lone engine asks for little; and it must not hang in the wait for a synchronous standby.
    ///
    /// Its second column is when to look for the dead, in microseconds from now. Whoever is a little late with its heartbeat is looked at
    /// when it will have been silent for long enough, all others when their lease ends. $3 is whether the lock is held as before (NULL), is
    /// held anew (true), or is not (false).
    private static func renew(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_renew",
            """
            WITH l AS MATERIALIZED (SELECT set_config('synchronous_commit', 'local', true) AS commit, \(serverMicroseconds) AS now),
            r AS (UPDATE \(s).executors e SET lease_until = l.now + $2::int8, renewed = l.now,
                    alive_since = CASE WHEN e.lease_until < l.now THEN l.now ELSE e.alive_since END,
                    guarded_since = CASE WHEN $3::bool IS NULL THEN e.guarded_since WHEN $3::bool THEN l.now END
                FROM l WHERE e.executor = $1::int8 AND l.commit = 'local'
                RETURNING l.now, e.alive_since + $2::int8 AS may_reap, e.guarded_since + $2::int8 AS may_judge)
            SELECT 1, CASE WHEN EXISTS (SELECT FROM \(s).reaped) THEN 0 ELSE
                (SELECT greatest(0, greatest(r.may_reap, min(CASE
                        WHEN e.guarded_since IS NULL OR r.may_judge IS NULL OR e.renewed + e.silence * 5 / 6 > r.now THEN e.lease_until
                        ELSE least(e.lease_until, greatest(e.renewed + e.silence, r.may_judge)) END)) - r.now)
                FROM \(s).executors e WHERE e.executor <> $1::int8 HAVING count(*) > 0) END
            FROM r
            """)
    }

    /// Those whose lease has run out, and those that were silent for long and whose process has gone: its session's lock is free.
    ///
    /// With $1 only if that executor has itself been alive for a whole lease without a gap; and only if its own session has lasted as long does
    /// a free lock say anything: a restart of the server frees them all. A lease that ran out while the lock is held is that of a process
    /// which is cut off or stopped, but did not crash.
    private static func expired(_ s: SchemaName) -> Statement {
        let longAgo = "\(serverMicroseconds) - (m.lease_until - m.renewed)"
        return Statement(
            "perdure_expired",
            """
            WITH me AS MATERIALIZED (SELECT m.guarded_since <= \(longAgo) AS may_judge FROM \(s).executors m
                WHERE m.executor = $1::int8 AND m.lease_until >= \(serverMicroseconds) AND m.alive_since <= \(longAgo)
                UNION ALL SELECT true WHERE $1::int8 IS NULL)
            SELECT e.executor, e.guarded_since IS NULL OR NOT \(isLocked) FROM \(s).executors e, me
            WHERE e.lease_until < \(serverMicroseconds)
                OR (me.may_judge AND e.guarded_since IS NOT NULL AND e.renewed < \(serverMicroseconds) - e.silence AND NOT \(isLocked))
            ORDER BY e.lease_until LIMIT 100
            """)
    }
}
