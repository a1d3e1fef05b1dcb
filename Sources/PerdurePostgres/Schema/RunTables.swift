internal import Perdure

/// Where runs came from that came of earlier ones; of those that continue others the first of the chain, and how many came before.
func runTables(_ s: SchemaName) -> String {
    """
    CREATE TABLE \(s).successors (number int8 PRIMARY KEY, previous int8 NOT NULL, kind int2 NOT NULL, step text, by_whom text, reason text,
        at int8 NOT NULL, origin text, first int8, place int8);
    CREATE INDEX successors_chain ON \(s).successors (first, place) WHERE first IS NOT NULL;
    CREATE INDEX successors_continued ON \(s).successors (previous) WHERE kind = \(RunKind.continued.rawValue);
    CREATE INDEX successors_rewound ON \(s).successors (previous) WHERE kind = \(RunKind.rewound.rawValue);

    -- The first of those that were continued as this one; itself, if there is none.
    CREATE FUNCTION \(s).first_run(asked int8) RETURNS int8 LANGUAGE sql STABLE
        RETURN coalesce((SELECT r.first FROM \(s).successors r WHERE r.number = asked), asked);

    -- The last of those as which this one was continued; itself, if there is none.
    CREATE FUNCTION \(s).newest_run(asked int8) RETURNS int8 LANGUAGE sql STABLE
        RETURN coalesce((SELECT r.number FROM \(s).successors r WHERE r.first = \(s).first_run(asked) ORDER BY r.place DESC LIMIT 1), asked);
    """
}

/// What people read about them: a documented, stable contract, as `views` is.
func runViews(_ s: SchemaName) -> String {
    """
    CREATE VIEW \(s).workflow_runs AS
    SELECT \(s).public_id(w.id, r.number) AS id, r.number AS workflow_number, w.name AS workflow_name, r.previous AS previous_number,
        CASE r.kind WHEN 1 THEN 'restarted' WHEN 2 THEN 'forked' WHEN 3 THEN 'rewound' WHEN 4 THEN 'continued' ELSE 'unknown' END AS kind,
        r.step, r.by_whom, r.reason, \(s).moment(r.at) AS at
    FROM \(s).successors r LEFT JOIN \(s).workflows w ON w.number = r.number;
    """
}
