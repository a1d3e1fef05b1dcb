internal import Perdure

/// The statements of children that are started together, written for one schema.
struct GroupStatements: Sendable {
    /// The row of history decides: where it is another's, none of its children is started.
    let start: Statement
    /// The same where some have attributes.
    let startWithAttributes: Statement
    let overlook: Statement

    init(_ s: SchemaName, _ duplicates: Duplicates) {
        start = Self.start(s, duplicates)
        startWithAttributes = Self.start(s, duplicates, attributes: true)
        overlook = Statement(
            "perdure_overlook",
            """
            UPDATE \(s).inbox SET seen = true
            WHERE workflow = ANY($1::int8[]) AND kind = \(InboxKind.groupEnded.rawValue) AND NOT seen
                AND (workflow, topic) NOT IN (SELECT * FROM unnest($2::int8[], $3::text[]))
            """)
    }

    private static func start(_ s: SchemaName, _ duplicates: Duplicates, attributes: Bool = false) -> Statement {
        let (names, types) = (WorkflowColumns.names, WorkflowColumns.types)
        let owned = types.count + 1
        let executor = owned + StepColumns.types.count + 1
        let steps = StepColumns.types.enumerated().map { "unnest($\($0.offset + owned + 1)::\($0.element)[])" }.joined(separator: ", ")
        let isOurs = "(u.parent, u.parent_key) IN (SELECT workflow, key FROM s)"
        let indexing = attributes ? AttributeColumns.insertion(s, from: executor + 1) + "," : ""
        return Statement(
            "perdure_start_children\(attributes ? "_attributes" : "")\(duplicates.suffix)",
            """
            WITH u AS MATERIALIZED (SELECT * FROM unnest(\(arrays(types)), $\(owned)::bool[]) AS u(\(names), lane, owned)),
            s AS (INSERT INTO \(s).steps (\(StepColumns.names)) SELECT \(steps) \(duplicates.clause) RETURNING workflow, key),
            w AS (INSERT INTO \(s).workflows (\(names)) SELECT \(names) FROM u WHERE \(isOurs) \(duplicates.clause) RETURNING number),
            \(indexing)
            f AS (\(StepStatements.forgiving(s, executor))),
            l AS (INSERT INTO \(s).live (number, lane, state, executor, due, deadline, expires)
                SELECT u.number, u.lane, CASE WHEN u.owned THEN 1 ELSE 0 END, CASE WHEN u.owned THEN $\(executor)::int8 END,
                    u.due, u.deadline, u.expires FROM u WHERE u.number IN (SELECT number FROM w))
            SELECT (SELECT count(*) FROM s), CASE WHEN (SELECT count(*) FROM u WHERE \(isOurs)) > (SELECT count(*) FROM w)
                THEN \(s).check_starts($1::int8[], $6::text[], $15::int8[], $2::text[])::text END
            """)
    }
}
