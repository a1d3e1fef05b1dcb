import Foundation
import Perdure

/// What waits for its turn in a queue, and leaves proof of when it had it.
struct Turn: Workflow {
    /// One at a time while it runs; one at a time until its end; and one of a key, no more than so many in a stretch of time.
    static let queues = [
        Queue("narrow", concurrency: 1), Queue("strict", concurrency: 1, slots: .untilEnd),
        Queue("keyed", perKey: 1, rateLimit: rate),
    ]
    static let rate = RateLimit(40, per: .milliseconds(500))
    static let keys = ["a", "b", "c", "d", "e"]

    struct Input: Codable, Sendable {
        var number: Int
        var queue: String
        var key: String

        /// Where no other may be at the same time.
        var place: String { "\(queue) \(key)" }
    }

    /// The stretch of time is the database's, and the row is there only if this engine had the workflow at its end.
    func run(_ input: Input, in context: WorkflowContext) async throws {
        try await context.transaction("turn", isolation: .readCommitted) { db in
            let begin = try await db.query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8", as: Int64.self)[0]
            // No unique key: it would hide a second row.
            try await db.execute(
                """
                INSERT INTO public.turns (place, number, began, ended)
                VALUES (\(input.place), \(input.number), \(begin), (extract(epoch FROM clock_timestamp()) * 1000000)::int8)
                """)
        }
    }
}

/// What the database says about turns.
struct TurnRecords: Sendable {
    var rows: Int
    /// Numbers that have more rows than one.
    var doubled: Int
    /// Turns that began before the one before them in their place had ended.
    var overlaps: Int
    var completed: Int
    var open: Int
    /// Slots that workflows or dead engines hold in the end.
    var slots: Int

    static func makeTable(_ place: Place) async throws {
        try await place.client.transaction(isolation: .readCommitted) { db in
            try await db.execute(
                "CREATE TABLE public.turns (place text NOT NULL, number int8 NOT NULL, began int8 NOT NULL, ended int8 NOT NULL)")
            // Looks as often as it can for so many milliseconds: how often that was, and the most that were in flight in one place.
            try await db.execute(
                """
                CREATE FUNCTION public.look(milliseconds int4, OUT looks int4, OUT most int4) LANGUAGE plpgsql AS $look$
                DECLARE
                    until timestamptz := clock_timestamp() + milliseconds * interval '1 ms';
                    now_there int4;
                BEGIN
                    looks := 0;
                    most := 0;
                    WHILE clock_timestamp() < until LOOP
                        SELECT max(c.count) INTO now_there FROM (SELECT count(*) FROM perdure.live l JOIN perdure.lanes n USING (lane)
                            WHERE l.state = 1 GROUP BY n.queue, CASE WHEN n.queue = 'keyed' THEN n.lane_key END) c;
                        most := greatest(most, now_there);
                        looks := looks + 1;
                    END LOOP;
                END
                $look$
                """)
        }
    }

    init(_ place: Place) async throws {
        rows = try await place.number("SELECT count(*) FROM public.turns")
        doubled = try await place.number(
            "SELECT count(*) FROM (SELECT number FROM public.turns GROUP BY number HAVING count(*) > 1) d")
        overlaps = try await place.number(
            """
            SELECT count(*) FROM (SELECT began, max(ended) OVER (PARTITION BY place ORDER BY began, ended
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM public.turns) t WHERE began < before
            """)
        completed = try await place.number("SELECT count(*) FROM perdure.outcomes WHERE status = 1")
        open = try await place.number("SELECT count(*) FROM perdure.live")
        slots = try await place.number(
            """
            SELECT count(*) FROM perdure.slots s WHERE s.workflow IS NOT NULL
                OR NOT EXISTS (SELECT FROM perdure.executors e WHERE e.executor = s.executor)
            """)
    }
}
