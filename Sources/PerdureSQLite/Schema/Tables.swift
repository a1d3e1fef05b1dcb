extension Schema {
    /// Version 2.
    ///
    /// Times are microseconds since 1970; a payload is its bytes and, in the column behind, its codec.
    static let tables = """
        CREATE TABLE perdure_meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO perdure_meta (key, value) VALUES ('store', lower(hex(randomblob(8))));

        CREATE TABLE perdure_workflows (
            number INTEGER PRIMARY KEY, id TEXT, queue TEXT NOT NULL, lane_key TEXT NOT NULL, priority INTEGER NOT NULL,
            name TEXT NOT NULL, version TEXT NOT NULL, input BLOB NOT NULL, codec INTEGER NOT NULL,
            parent INTEGER, parent_key TEXT, close_policy INTEGER, attributes BLOB, attributes_codec INTEGER,
            created INTEGER NOT NULL, due INTEGER, deadline INTEGER, expires INTEGER
        ) STRICT;
        CREATE INDEX perdure_workflows_children ON perdure_workflows (parent) WHERE parent IS NOT NULL;

        CREATE TABLE perdure_workflow_ids (
            id TEXT PRIMARY KEY NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE perdure_lanes (
            lane INTEGER PRIMARY KEY, queue TEXT NOT NULL, lane_key TEXT NOT NULL, priority INTEGER NOT NULL,
            name TEXT NOT NULL, version TEXT NOT NULL, returned INTEGER NOT NULL,
            UNIQUE (queue, lane_key, priority, name, version, returned)
        ) STRICT;

        -- A lane of returned work says that it has begun. Then nothing expires. Turns are the order in which rows became ready.
        CREATE TABLE perdure_live (
            number INTEGER PRIMARY KEY, lane INTEGER NOT NULL, state INTEGER NOT NULL, executor INTEGER,
            due INTEGER, deadline INTEGER, expires INTEGER, crashes INTEGER NOT NULL DEFAULT 0, probation INTEGER,
            turn INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE TABLE perdure_turns (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT;
        INSERT INTO perdure_turns (one, last) VALUES (1, 0);
        CREATE INDEX perdure_live_ready ON perdure_live (lane, turn) WHERE state = 0;
        CREATE INDEX perdure_live_expiring ON perdure_live (expires) WHERE expires IS NOT NULL;
        CREATE INDEX perdure_live_owned ON perdure_live (executor) WHERE state = 1;
        CREATE INDEX perdure_live_due ON perdure_live (due) WHERE state = 2;
        CREATE INDEX perdure_live_suspects ON perdure_live (due) WHERE state = 4;

        CREATE TABLE perdure_asides (number INTEGER PRIMARY KEY, reason TEXT NOT NULL, since INTEGER NOT NULL) STRICT;

        CREATE TABLE perdure_steps (
            workflow INTEGER NOT NULL, key TEXT NOT NULL, ord INTEGER, kind INTEGER NOT NULL,
            started INTEGER NOT NULL, finished INTEGER NOT NULL, attempts INTEGER NOT NULL,
            output BLOB, output_codec INTEGER, error BLOB, error_codec INTEGER,
            PRIMARY KEY (workflow, key)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE perdure_pending (
            workflow INTEGER NOT NULL, key TEXT NOT NULL, attempt INTEGER NOT NULL, started INTEGER NOT NULL, due INTEGER,
            error BLOB, error_codec INTEGER, progress BLOB, progress_codec INTEGER, held_by INTEGER,
            PRIMARY KEY (workflow, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX perdure_pending_held ON perdure_pending (held_by, workflow) WHERE held_by IS NOT NULL;

        CREATE TABLE perdure_outcomes (
            workflow INTEGER PRIMARY KEY, status INTEGER NOT NULL, output BLOB, output_codec INTEGER,
            error BLOB, error_codec INTEGER, finished INTEGER NOT NULL
        ) STRICT;

        -- AUTOINCREMENT: a sequence that was consumed is never given out again.
        CREATE TABLE perdure_inbox (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, workflow INTEGER NOT NULL, kind INTEGER NOT NULL, reference INTEGER,
            payload BLOB, payload_codec INTEGER, topic TEXT, key TEXT, seen INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX perdure_inbox_workflow ON perdure_inbox (workflow, kind);

        CREATE TABLE perdure_executors (
            executor INTEGER PRIMARY KEY, label TEXT NOT NULL, lease_until INTEGER NOT NULL, renewed INTEGER NOT NULL,
            alive_since INTEGER NOT NULL, started INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE perdure_leaders (
            duty TEXT PRIMARY KEY NOT NULL, executor INTEGER NOT NULL, until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE perdure_served (
            executor INTEGER NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, PRIMARY KEY (executor, name, version)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE perdure_served_queues (
            executor INTEGER NOT NULL, queue TEXT NOT NULL, PRIMARY KEY (executor, queue)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE perdure_fences (
            executor INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (executor, slot)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE perdure_reaped (executor INTEGER PRIMARY KEY, label TEXT NOT NULL, heard INTEGER) STRICT;

        """
}
