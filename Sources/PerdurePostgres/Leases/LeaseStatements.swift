internal import Perdure

/// The statements of leases, written for one schema.
struct LeaseStatements: Sendable {
    let register: Statement
    let fences: Statement
    /// For providers that do not tell the timeline.
    let fencesByBoot: Statement
    let serve: Statement
    let serveQueues: Statement
    let renew: Statement
    let lock: Statement
    let unlock: Statement
    let expired: Statement
    let rewind: Statement
    let take: Statement
    let takeServed: Statement
    let takeDuties: Statement
    let takeFences: Statement
    let mark: Statement
    let lead: Statement
    let tidyInbox: Statement
    let giveBack: Statement

    /// Whether row `i` of the inbox of a workflow that has ended is nobody's: what is for the run as which that goes on is brought there by the claims.
    private static func isLost(_ s: SchemaName, _ row: String) -> String {
        """
        NOT (\(movesOn(row)) AND EXISTS (SELECT FROM \(s).successors c WHERE c.previous = \(row).workflow
            AND c.kind = \(RunKind.continued.rawValue)) AND \(s).current_run(\(row).workflow) IS NOT NULL)
        """
    }

    /// What has come too late is left for so many microseconds, in which its sender may take it back.
    private static let grace = 60_000_000

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
        fences = Self.fences(s, timeline: serverTimeline, position: serverPosition)
        fencesByBoot = Self.fences(s, timeline: "NULL::text", position: "NULL::int8")
        serve = Statement(
            "perdure_serve", isPrepared: false,
            "INSERT INTO \(s).served (executor, name, version) SELECT $1::int8, u.* FROM unnest($2::text[], $3::text[]) AS u(name, version)"
        )
        serveQueues = Statement(
            "perdure_serve_queues", isPrepared: false,
            "INSERT INTO \(s).served_queues (executor, queue) SELECT $1::int8, q FROM unnest($2::text[]) q WHERE q <> ''")
        lock = Statement("perdure_guard", isPrepared: false, "SELECT pg_try_advisory_lock($1::int8)")
        unlock = Statement("perdure_unguard", isPrepared: false, "SELECT pg_advisory_unlock($1::int8)")
        renew = Self.renew(s)
        expired = Self.expired(s)
        rewind = Self.rewind(s)
        take = Statement(
            "perdure_take_lease",
            """
            DELETE FROM \(s).executors e WHERE e.executor = $1::int8
                AND (NOT $2::bool OR e.lease_until < \(serverMicroseconds) OR (e.guarded_since IS NOT NULL
                    AND e.renewed < \(serverMicroseconds) - e.silence))
            RETURNING label, renewed
            """)
        takeServed = Statement(
            "perdure_take_served",
            """
            WITH q AS (DELETE FROM \(s).served_queues WHERE executor = $1::int8),
            d AS (DELETE FROM \(s).declared_schedules WHERE executor = $1::int8) DELETE FROM \(s).served WHERE executor = $1::int8
            """)
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
                WHERE l.executor = excluded.executor OR l.until < excluded.until - $3::int8 OR l.until > excluded.until + 1000000
            RETURNING duty
            """)
        tidyInbox = Statement(
            "perdure_tidy_inbox", isPrepared: false,
            """
            WITH page AS MATERIALIZED (SELECT sequence, workflow FROM \(s).inbox WHERE sequence > $1::int8 ORDER BY sequence LIMIT $2::int8),
            d AS (DELETE FROM \(s).inbox WHERE sequence = ANY(ARRAY(SELECT i.sequence FROM \(s).inbox i
                WHERE i.sequence = ANY(ARRAY(SELECT p.sequence FROM page p
                    WHERE (SELECT o.finished < \(serverMicroseconds) - \(Self.grace) FROM \(s).outcomes o WHERE o.workflow = p.workflow))) AND \(Self.isLost(s, "i")) FOR UPDATE OF i SKIP LOCKED))
                RETURNING workflow, sequence, kind, reference, payload, codec, topic, key),
            e AS MATERIALIZED (SELECT d.*, \(s).newest_run(d.workflow) AS last, \(s).rewound_run(d.workflow) AS run FROM d
                WHERE d.kind IN (\(mailKinds)) AND (SELECT o.status <> \(OutcomeStatus.completed.rawValue) FROM \(s).outcomes o
                    WHERE o.workflow = \(s).newest_run(d.workflow))),
            m AS (INSERT INTO \(s).inbox (workflow, kind, reference, payload, codec, topic, key)
                SELECT e.run, e.kind, e.reference, e.payload, e.codec, e.topic, e.key FROM e WHERE e.run IS NOT NULL ORDER BY e.sequence),
            k AS (INSERT INTO \(s).unread (workflow, sequence, kind, reference, payload, codec, topic, key)
                SELECT e.last, e.sequence, e.kind, e.reference, e.payload, e.codec, e.topic, e.key FROM e WHERE e.run IS NULL)
            SELECT (SELECT count(*) FROM d), max(sequence), count(*) FROM page
            """)
    }

    /// The $2 fences of $1, of the very server that writes them: what was known of it before may be of another.
    ///
    /// The start of the server is written where it is to be compared: with $3, or where nothing else is known.
    private static func fences(_ s: SchemaName, timeline: String, position: String) -> Statement {
        Statement(
            "perdure_fences", isPrepared: false,
            """
            INSERT INTO \(s).fences (executor, slot, timeline, boot)
            SELECT $1::int8, n, t, CASE WHEN $3::bool OR t IS NULL THEN pg_postmaster_start_time() END
            FROM generate_series(0, $2::int4 - 1) n, (SELECT \(timeline) AS t) t
            RETURNING timeline, \(position), (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8
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
            b AS (SELECT number, crashes, coalesce(probation = \(unbegun), false) AS unbegun,
                $3::bool AND coalesce(probation <> \(unbegun), true) AND ($4::int8 IS NULL OR crashes < \(CrashRules.suspicion) OR coalesce(probation >= $4::int8, false)) AS blamed FROM o),
            c AS MATERIALIZED (SELECT number, blamed, unbegun, least(crashes + CASE WHEN blamed THEN 1 ELSE 0 END, 32000)::int4 AS crashes FROM b),
            u AS (UPDATE \(s).live l SET executor = NULL, lane = l.lane | CASE WHEN c.unbegun THEN 0 ELSE 1 END, tx = pg_current_xact_id(), crashes = c.crashes, probation = NULL,
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
    /// when it will have been silent for long enough, all others when their lease ends; whoever was heard in the future, at once: the clock was
    /// set back. A life begins anew when half a lease has passed without a heartbeat: nobody who could not be heard either is to blame for
    /// that, so an outage that is a little shorter than the lease is followed by no takeover. $3 is whether the lock is held as before (NULL), is
    /// held anew (true), or is not (false).
    private static func renew(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_renew",
            """
            WITH l AS MATERIALIZED (SELECT set_config('synchronous_commit', 'local', true) AS commit, \(serverMicroseconds) AS now),
            r AS (UPDATE \(s).executors e SET lease_until = l.now + $2::int8, renewed = l.now,
                    alive_since = CASE WHEN e.lease_until < l.now OR e.renewed < l.now - $2::int8 / 2 THEN l.now
                        ELSE least(e.alive_since, l.now) END,
                    guarded_since = CASE WHEN $3::bool IS NULL AND e.guarded_since <= l.now THEN e.guarded_since
                        WHEN $3::bool IS NULL AND e.guarded_since IS NULL THEN NULL WHEN $3::bool IS NOT FALSE THEN l.now END
                FROM l WHERE e.executor = $1::int8 AND l.commit = 'local'
                RETURNING l.now, e.alive_since + $2::int8 AS may_reap, e.guarded_since + $2::int8 AS may_judge)
            SELECT 1, CASE WHEN EXISTS (SELECT FROM \(s).reaped) THEN 0 ELSE
                (SELECT greatest(0, greatest(r.may_reap, min(CASE WHEN e.renewed > r.now + 1000000 THEN r.now
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
    /// which is cut off or stopped, but did not crash; and of one that is free it is said only by whoever may judge.
    private static func expired(_ s: SchemaName) -> Statement {
        let longAgo = "\(serverMicroseconds) - (m.lease_until - m.renewed)"
        return Statement(
            "perdure_expired",
            """
            WITH me AS MATERIALIZED (SELECT m.guarded_since <= \(longAgo) AS may_judge FROM \(s).executors m
                WHERE m.executor = $1::int8 AND m.lease_until >= \(serverMicroseconds) AND m.alive_since <= \(longAgo)
                UNION ALL SELECT true WHERE $1::int8 IS NULL)
            SELECT e.executor, e.guarded_since IS NULL OR (me.may_judge IS NOT FALSE AND NOT \(isLocked)) FROM \(s).executors e, me
            WHERE e.lease_until < \(serverMicroseconds)
                OR (me.may_judge AND e.guarded_since IS NOT NULL AND e.renewed < \(serverMicroseconds) - e.silence AND NOT \(isLocked))
            ORDER BY e.lease_until LIMIT 100
            """)
    }

    /// Whoever was heard in the future was heard now: the clock was set back, and for as long the dead would not be missed.
    private static func rewind(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_rewind",
            """
            UPDATE \(s).executors e SET renewed = t.n, lease_until = t.n + (e.lease_until - e.renewed)
            FROM (SELECT \(serverMicroseconds) AS n) t
            WHERE e.executor = ANY(ARRAY(SELECT executor FROM \(s).executors WHERE renewed > \(serverMicroseconds) + 1000000
                FOR UPDATE SKIP LOCKED))
            """)
    }
}
