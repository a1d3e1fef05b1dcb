extension Schema {
    /// Version 2, beside `tables`.
    ///
    /// What waits, what is made up for and what is open are lists of words in text, as `StoredWord`.
    static let scheduleTables = """
        CREATE TABLE perdure_schedule_rows (
            name TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL, input BLOB NOT NULL, codec INTEGER NOT NULL,
            declared TEXT, declared_at INTEGER, revision INTEGER NOT NULL, handled INTEGER NOT NULL, due INTEGER NOT NULL, next INTEGER,
            waiting TEXT NOT NULL, backfills TEXT NOT NULL, open TEXT NOT NULL, runs_left INTEGER, paused_at INTEGER, pause_reason TEXT,
            started INTEGER NOT NULL, skipped INTEGER NOT NULL, missed INTEGER NOT NULL, dropped INTEGER NOT NULL,
            last_at INTEGER, last_id TEXT, triggered INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX perdure_schedule_rows_due ON perdure_schedule_rows (due);

        -- The primary key is what makes each time fire once.
        CREATE TABLE perdure_fires (
            schedule TEXT NOT NULL, nominal INTEGER NOT NULL, triggered INTEGER NOT NULL, number INTEGER NOT NULL, fired INTEGER NOT NULL,
            PRIMARY KEY (schedule, nominal, triggered)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE perdure_declared_schedules (
            executor INTEGER NOT NULL, schedule TEXT NOT NULL, PRIMARY KEY (executor, schedule)
        ) STRICT, WITHOUT ROWID;

        """

    /// For people, beside `views`.
    static let scheduleViews = """

        CREATE VIEW perdure_schedules AS
        SELECT
            r.name AS name,
            json_extract(\(definition), '$.workflow') AS workflow,
            coalesce(json_extract(\(definition), '$.queue'), '') AS queue,
            json_extract(\(definition), '$.spec') AS spec,
            json_extract(\(definition), '$.overlap') AS overlap,
            r.paused_at IS NOT NULL AS paused,
            r.pause_reason AS pause_reason,
            \(timestamp("r.next")) AS next_at,
            \(timestamp("r.last_at")) AS last_at,
            r.last_id AS last_id,
            (
                -- `4611686018427387904:1 4611686018427387905:0` as an array of texts.
                SELECT count(*) FROM json_each(CASE r.open WHEN '' THEN '[]' ELSE '["' || replace(r.open, ' ', '","') || '"]' END) AS o
                JOIN perdure_live AS l ON l.number = CAST(substr(o.value, 1, instr(o.value, ':') - 1) AS INTEGER)
            ) AS running,
            \(words("r.waiting")) AS buffered,
            \(words("r.backfills")) AS backfills,
            r.started AS started,
            r.skipped AS skipped,
            r.missed AS missed,
            r.dropped AS dropped,
            r.runs_left AS runs_left,
            r.declared IS NOT NULL AS declared,
            r.declared_at IS NOT NULL AND r.declared IS NOT NULL AND NOT \(isDeclared) AND EXISTS (
                SELECT 1 FROM perdure_served AS v JOIN perdure_executors AS e ON e.executor = v.executor
                WHERE v.name = json_extract(\(definition), '$.workflow') AND e.lease_until > \(now) AND e.started > r.declared_at
            ) AS orphaned,
            r.declared IS NULL AND \(isDeclared) AS conflict,
            \(json("r.input", "r.codec")) AS input,
            r.definition AS definition
        FROM perdure_schedule_rows AS r;

        """

    /// What somebody has written by hand must not make a view fail.
    private static let definition = "CASE WHEN json_valid(r.definition) THEN r.definition ELSE '{}' END"

    private static let isDeclared = """
        EXISTS (
            SELECT 1 FROM perdure_declared_schedules AS d JOIN perdure_executors AS e ON e.executor = d.executor
            WHERE d.schedule = r.name AND e.lease_until > \(now)
        )
        """

    private static func words(_ list: String) -> String {
        "CASE \(list) WHEN '' THEN 0 ELSE length(\(list)) - length(replace(\(list), ' ', '')) + 1 END"
    }
}
