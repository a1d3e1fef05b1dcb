extension Schema {
    /// Version 3: what workflows are found by.
    ///
    /// A row for each value of each attribute: `kind` 1 is text, 2 a number, 3 a truth value (1 or 0), 4 a moment, which is text too. A workflow that
    /// changes its attributes changes its rows.
    static let searchTables = """
        CREATE TABLE perdure_attributes (
            workflow INTEGER NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL, kind INTEGER NOT NULL, text TEXT, number ANY,
            PRIMARY KEY (workflow, name, place)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX perdure_attributes_text ON perdure_attributes (name, text, workflow) WHERE text IS NOT NULL;
        CREATE INDEX perdure_attributes_number ON perdure_attributes (name, number, workflow) WHERE number IS NOT NULL;

        -- Most workflows complete, and most have no id of the user's: these cost them nothing.
        CREATE INDEX perdure_outcomes_ends ON perdure_outcomes (status, workflow) WHERE status <> 1;
        CREATE INDEX perdure_workflows_ids ON perdure_workflows (id) WHERE id IS NOT NULL;

        """
}
