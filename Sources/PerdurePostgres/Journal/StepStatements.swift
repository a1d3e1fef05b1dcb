internal import Perdure

/// The statements that write and read rows of history in a batch, written for one schema.
struct StepStatements: Sendable {
    /// One plain step and the fence: what a lone workflow pays for each of its steps.
    let stepAlone: Statement
    /// Plain steps and the fence in one statement, for a batch of nothing else.
    let stepsAlone: Statement
    let steps: Statement
    /// Steps that consume a message, or whose workflow took an executor down before.
    let carefulSteps: Statement
    let consume: Statement
    /// What operators have asked, and what was done.
    let settle: Statement
    let forgetPending: Statement
    let pending: Statement
    let recorded: Statement

    init(_ s: SchemaName, _ duplicates: Duplicates) {
        let step = StepColumns.names
        // In the list itself, not in FROM: there each row would be made twice.
        let steps = StepColumns.types.enumerated().map { "unnest($\($0.offset + 1)::\($0.element)[])" }.joined(separator: ", ")
        let stepCount = StepColumns.types.count
        let insertSteps =
            "INSERT INTO \(s).steps (\(step)) SELECT \(steps) \(duplicates.clause) RETURNING workflow, key"

        let values = (1...stepCount).map { "$\($0)::\(StepColumns.types[$0 - 1])" }.joined(separator: ", ")
        stepAlone = Statement(
            "perdure_step_alone\(duplicates.suffix)",
            """
            WITH s AS (INSERT INTO \(s).steps (\(step)) VALUES (\(values)) \(duplicates.clause) RETURNING 1)
            SELECT (SELECT count(*) FROM s), \(s).fence($\(stepCount + 1)::int8, $\(stepCount + 2)::int4)
            """)
        stepsAlone = Statement(
            "perdure_steps_alone\(duplicates.suffix)",
            "WITH s AS (\(insertSteps)) SELECT (SELECT count(*) FROM s), \(s).fence($\(stepCount + 1)::int8, $\(stepCount + 2)::int4)")
        self.steps = Statement(
            "perdure_steps\(duplicates.suffix)", "INSERT INTO \(s).steps (\(step)) SELECT \(steps) \(duplicates.clause)")
        // A message is taken out of the inbox only with the row that holds its content: what lost against another row took nothing.
        carefulSteps = Statement(
            "perdure_steps_careful\(duplicates.suffix)",
            """
            WITH s AS (\(insertSteps)),
            d AS (DELETE FROM \(s).inbox WHERE sequence = ANY(ARRAY(
                SELECT u.sequence FROM unnest($\(stepCount + 1)::int8[], $\(stepCount + 2)::text[], $\(stepCount + 3)::int8[])
                    AS u(workflow, key, sequence)
                WHERE (u.workflow, u.key) IN (SELECT s.workflow, s.key FROM s))) RETURNING kind, reference),
            i AS (\(Self.applying(s))),
            f AS (\(Self.forgiving(s, stepCount + 4)))
            SELECT count(*) FROM s
            """)
        consume = Statement(
            "perdure_consume",
            """
            DELETE FROM \(s).inbox WHERE sequence = ANY($2::int8[])
                AND (workflow, sequence) IN (SELECT * FROM unnest($1::int8[], $2::int8[]))
            """)
        settle = Statement(
            "perdure_settle",
            """
            WITH d AS (DELETE FROM \(s).inbox WHERE sequence = ANY($2::int8[])
                AND (workflow, sequence) IN (SELECT * FROM unnest($1::int8[], $2::int8[])) RETURNING kind, reference)
            \(Self.applying(s))
            """)
        forgetPending = Statement(
            "perdure_forget_pending",
            """
            DELETE FROM \(s).pending WHERE workflow = ANY($1::int8[])
                AND (workflow, key) IN (SELECT * FROM unnest($1::int8[], $2::text[]))
            """)
        pending = Statement(
            "perdure_pending",
            """
            INSERT INTO \(s).pending (workflow, key, attempt, started, due, error, error_codec, progress, progress_codec, held_by)
            SELECT u.* FROM unnest(\(arrays(PendingColumns.types))) AS u(workflow, key, attempt, started, due, error, error_codec, progress,
                progress_codec, held_by)
            WHERE (SELECT true FROM \(s).live l WHERE l.number = u.workflow AND l.state + 0 = 1
                    AND l.executor + 0 = $\(PendingColumns.types.count + 1)::int8 LIMIT 1)
                AND (SELECT true FROM \(s).steps s WHERE s.workflow = u.workflow AND s.key = u.key LIMIT 1) IS NULL
            ON CONFLICT (workflow, key) DO UPDATE SET attempt = excluded.attempt, started = excluded.started, due = excluded.due,
                error = excluded.error, error_codec = excluded.error_codec, progress = excluded.progress,
                progress_codec = excluded.progress_codec, held_by = excluded.held_by
            """)
        recorded = Statement(
            "perdure_recorded", isPrepared: false,
            """
            SELECT \(step) FROM \(s).steps
            WHERE workflow = ANY($1::int8[]) AND workflow BETWEEN $2::int8 AND $3::int8 AND key = ANY($4::text[])
            """)
    }

    /// What operators have asked by rows `d` of the inbox, which go with what came of it, is done.
    static func applying(_ s: SchemaName) -> String {
        """
        UPDATE \(s).interventions SET applied = true
            WHERE number = ANY(ARRAY(SELECT d.reference FROM d WHERE d.kind = \(InboxKind.intervention.rawValue)))
        """
    }

    /// New progress: whoever gets on is no cause of crashes.
    static func forgiving(_ s: SchemaName, _ me: Int) -> String {
        "UPDATE \(s).live SET crashes = 0 WHERE number = ANY(ARRAY(SELECT workflow FROM s)) AND crashes > 0 AND executor = $\(me)::int8"
    }
}
