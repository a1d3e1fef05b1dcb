extension Schema {
    /// Version 3: what workflows are told and tell.
    static let messagingTables = """
        CREATE TABLE perdure_message_keys (
            workflow INTEGER NOT NULL, kind INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL,
            PRIMARY KEY (workflow, kind, topic, key)
        ) STRICT, WITHOUT ROWID;

        -- What runs that came to no good end had not received: for the run that goes on in their place.
        CREATE TABLE perdure_unread (
            workflow INTEGER NOT NULL, sequence INTEGER NOT NULL, kind INTEGER NOT NULL, reference INTEGER, payload BLOB,
            payload_codec INTEGER, topic TEXT, key TEXT, PRIMARY KEY (workflow, sequence)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE perdure_events (
            workflow INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, codec INTEGER NOT NULL, published INTEGER NOT NULL,
            PRIMARY KEY (workflow, name)
        ) STRICT, WITHOUT ROWID;

        -- Without a value the stream is closed.
        CREATE TABLE perdure_streams (
            workflow INTEGER NOT NULL, stream TEXT NOT NULL, position INTEGER NOT NULL, value BLOB, codec INTEGER, appended INTEGER NOT NULL,
            step TEXT, attempt INTEGER NOT NULL, PRIMARY KEY (workflow, stream, position)
        ) STRICT, WITHOUT ROWID;

        -- The row of history that holds it is that of this step of this run; a refusal has none.
        CREATE TABLE perdure_replies (
            workflow INTEGER NOT NULL, request TEXT NOT NULL, key TEXT NOT NULL, output BLOB, output_codec INTEGER, error BLOB,
            error_codec INTEGER, replied INTEGER NOT NULL, run INTEGER, step TEXT, PRIMARY KEY (workflow, request, key)
        ) STRICT, WITHOUT ROWID;

        """
}
