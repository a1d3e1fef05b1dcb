extension Schema {
    /// Version 2, beside `tables`.
    ///
    /// A limit is a queue's (`is_key` 0 and an empty key), or one of its keys'.
    static let queueTables = """
        CREATE TABLE perdure_queues (
            name TEXT PRIMARY KEY NOT NULL, declared TEXT NOT NULL, changed TEXT, paused INTEGER NOT NULL DEFAULT 0, pause_reason TEXT,
            revision INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- The primary key is the limit. Held by an executor, or by a workflow until its end.
        CREATE TABLE perdure_slots (
            queue TEXT NOT NULL, is_key INTEGER NOT NULL, lane_key TEXT NOT NULL, slot INTEGER NOT NULL,
            executor INTEGER, workflow INTEGER, PRIMARY KEY (queue, is_key, lane_key, slot)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX perdure_slots_executor ON perdure_slots (executor) WHERE executor IS NOT NULL;
        CREATE INDEX perdure_slots_workflow ON perdure_slots (workflow) WHERE workflow IS NOT NULL;

        CREATE TABLE perdure_rates (
            queue TEXT NOT NULL, is_key INTEGER NOT NULL, lane_key TEXT NOT NULL, starts TEXT NOT NULL, PRIMARY KEY (queue, is_key, lane_key)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE perdure_deduplications (
            queue TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (queue, key)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX perdure_deduplications_holder ON perdure_deduplications (number);

        CREATE TABLE perdure_letters (
            number INTEGER PRIMARY KEY, queue TEXT NOT NULL, lane_key TEXT NOT NULL, since INTEGER NOT NULL, redriven INTEGER, unique_key TEXT
        ) STRICT;
        CREATE INDEX perdure_letters_queue ON perdure_letters (queue, number) WHERE redriven IS NULL;

        CREATE TABLE perdure_items (
            item INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL, created INTEGER NOT NULL, payload BLOB NOT NULL, codec INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX perdure_items_lane ON perdure_items (lane);

        """
}
