/// The statements of starts by clients, written for one schema.
///
/// What looks rows up is planned for its values and the tables as they are.
struct StartStatements: Sendable {
    let takeIDs: Statement
    let holders: Statement
    let lockIDs: Statement
    let moveIDs: Statement
    let known: Statement
    let insert: Statement
    /// The same where some have attributes.
    let insertWithAttributes: Statement
    /// Of starts that differ in nothing but number and input, none of which was sent before.
    let insertAlike: Statement
    let owners: Statement
    let block: Statement
    let deduplicate: Statement

    init(_ s: SchemaName) {
        takeIDs = Statement(
            "perdure_take_ids",
            """
            INSERT INTO \(s).workflow_ids (id, number, name)
            SELECT u.* FROM unnest($1::text[], $2::int8[], $3::text[]) AS u(id, number, name) ORDER BY u.id
            ON CONFLICT DO NOTHING RETURNING id
            """)
        let holder =
            "SELECT w.id, w.number, w.name, (SELECT o.status FROM \(s).outcomes o WHERE o.workflow = w.number) FROM \(s).workflow_ids w"
        holders = Statement("perdure_holders_of_ids", isPrepared: false, "\(holder) WHERE w.id = ANY($1::text[])")
        lockIDs = Statement("perdure_lock_ids", isPrepared: false, "\(holder) WHERE w.id = ANY($1::text[]) ORDER BY w.id FOR UPDATE OF w")
        moveIDs = Statement(
            "perdure_move_ids", isPrepared: false,
            """
            UPDATE \(s).workflow_ids w SET number = u.number FROM unnest($1::text[], $2::int8[]) AS u(id, number)
            WHERE w.id = u.id AND w.id = ANY($1::text[])
            """)
        known = Statement(
            "perdure_known_starts", isPrepared: false,
            "SELECT number FROM \(s).workflows WHERE number = ANY($1::int8[]) AND number BETWEEN $2::int8 AND $3::int8")
        insert = Self.insert(s, attributes: false)
        insertWithAttributes = Self.insert(s, attributes: true)
        insertAlike = Statement(
            "perdure_start_alike",
            """
            WITH w AS (INSERT INTO \(s).workflows (number, queue, lane_key, priority, name, version, input, codec, created, due, deadline, expires)
                SELECT unnest($1::int8[]), $4::text, $5::text, $6::int4::int2, $7::text, $8::text, unnest($2::bytea[]), $3::int4::int2, $9::int8,
                    $10::int8, $11::int8, $12::int8)
            INSERT INTO \(s).live (number, lane, state, due, deadline, expires)
                SELECT unnest($1::int8[]), $13::int8, 0, $10::int8, $11::int8, $12::int8
            """)
        owners = Statement(
            "perdure_owners", isPrepared: false,
            "SELECT number FROM \(s).live WHERE number = ANY($1::int8[]) AND state + 0 = 1 AND executor = $2::int8")
        deduplicate = Statement(
            "perdure_deduplicate", isPrepared: false,
            """
            SELECT d.verdict, d.holder, CASE WHEN d.verdict = 3 THEN (SELECT w.name FROM \(s).workflows w WHERE w.number = d.holder) END
            FROM \(s).deduplicate($1::text, $2::text, $3::text, $4::int8, $5::text, $6::bytea, $7::int8::int2, $8::bytea, $9::int8::int2,
                $10::int8, $11::int8, $12::int8, $13::int8, $14::bool, $15::int8) d
            """)
        block = Statement("perdure_block", "SELECT \(s).number_block()")
    }

    /// Behind the columns comes the owner, and behind that the attributes.
    private static func insert(_ s: SchemaName, attributes: Bool) -> Statement {
        let (names, types) = (WorkflowColumns.names, WorkflowColumns.types)
        let owner = types.count + 1
        return Statement(
            attributes ? "perdure_start_all_with_attributes" : "perdure_start_all",
            """
            WITH u AS MATERIALIZED (SELECT *, $\(owner)::int8 IS NOT NULL AND coalesce(due <= \(serverMicroseconds), true) AS owned
                FROM unnest(\(arrays(types))) AS u(\(names), lane)),
            w AS (INSERT INTO \(s).workflows (\(names)) SELECT \(names) FROM u ON CONFLICT DO NOTHING RETURNING number),
            l AS (INSERT INTO \(s).live (number, lane, state, executor, due, deadline, expires)
                SELECT u.number, u.lane, CASE WHEN u.owned THEN 1 ELSE 0 END, CASE WHEN u.owned THEN $\(owner)::int8 END, u.due, u.deadline, u.expires
                FROM u WHERE u.number IN (SELECT number FROM w) RETURNING number, state),
            \(attributes ? AttributeColumns.insertion(s, from: owner + 1) + "," : "")
            c AS (SELECT CASE WHEN (SELECT count(*) FROM w) < cardinality($1::int8[])
                THEN \(s).check_starts($1::int8[], $6::text[], $15::int8[], $2::text[])::text END AS checked)
            SELECT l.number, l.state, c.checked FROM c LEFT JOIN l ON true
            """)
    }
}
