internal import Perdure

/// What steps do besides being recorded, written for one schema.
struct EffectStatements: Sendable {
    /// Rows of history with their effects.
    ///
    /// Its first row holds how many rows were new; then come the messages that were sent (1: sender, its key,
    /// receiver, sequence) and those that nobody was there to receive (2: sender, its key).
    let effects: Statement
    let attributes: Statement
    let append: Statement
    let refuse: Statement
    let see: Statement

    init(_ s: SchemaName, _ duplicates: Duplicates) {
        effects = Self.effects(s, duplicates)
        attributes = AttributeChangeColumns.statement(s, duplicates)
        // Only its owner's: what a body sends that has outlived its lease is nobody's.
        append = Statement(
            "perdure_append",
            """
            INSERT INTO \(s).streams (\(StreamColumns.names)) SELECT \(StreamColumns.names)
            FROM unnest(\(arrays(StreamColumns.types + ["int8"]))) AS u(\(StreamColumns.names), run)
            WHERE (SELECT true FROM \(s).live l WHERE l.number = u.run AND l.state + 0 = 1
                AND l.executor + 0 = $\(StreamColumns.types.count + 2)::int8 LIMIT 1)
            ON CONFLICT DO NOTHING
            """)
        refuse = Statement(
            "perdure_refuse",
            """
            WITH u AS MATERIALIZED (SELECT * FROM unnest(\(arrays(RefusalColumns.types))) AS u(workflow, request, key, error, codec, replied, sequence, run)),
            d AS (DELETE FROM \(s).inbox WHERE sequence = ANY($7::int8[]) AND (workflow, sequence) IN (SELECT run, sequence FROM u))
            INSERT INTO \(s).replies (workflow, request, key, error, error_codec, replied)
            SELECT workflow, request, key, error, codec, replied FROM u ON CONFLICT DO NOTHING
            """)
        see = Statement(
            "perdure_see",
            """
            UPDATE \(s).inbox SET seen = true WHERE sequence = ANY($2::int8[])
                AND (workflow, sequence) IN (SELECT * FROM unnest($1::int8[], $2::int8[]))
            """)
    }

    private static func effects(_ s: SchemaName, _ duplicates: Duplicates) -> Statement {
        let types = StepColumns.types + EffectColumns.types
        let recorded = "(workflow, key) IN (SELECT workflow, key FROM s)"
        return Statement(
            "perdure_effects\(duplicates.suffix)",
            """
            WITH u AS MATERIALIZED (SELECT u.*, coalesce((SELECT i.number FROM \(s).workflow_ids i WHERE u.effect = 1 AND i.id = u.target_id),
                    u.target) AS asked
                FROM unnest(\(arrays(types))) WITH ORDINALITY AS u(\(StepColumns.names), \(EffectColumns.names), place)),
            t AS MATERIALIZED (SELECT v.*, v.effect = 1 AND v.receiver IS NULL AS refused FROM (
                SELECT u.*, coalesce(u.target, u.workflow) AS first, CASE WHEN u.effect = 1 THEN
                    CASE WHEN (SELECT true FROM \(s).live l WHERE l.number = u.asked LIMIT 1) THEN u.asked ELSE \(s).current_run(u.asked) END
                    END AS receiver FROM u OFFSET 0) v),
            s AS (INSERT INTO \(s).steps (\(StepColumns.names))
                SELECT workflow, key, ord, kind, output, output_codec, CASE WHEN refused THEN refusal ELSE error END,
                    CASE WHEN refused THEN refusal_codec ELSE error_codec END, started, finished, attempts FROM t
                \(duplicates.clause) RETURNING workflow, key),
            i AS (INSERT INTO \(s).inbox (workflow, kind, reference, topic, payload, codec, key)
                SELECT receiver, \(InboxKind.message.rawValue), workflow, name, payload, payload_codec, key FROM t
                WHERE effect = 1 AND NOT refused AND \(recorded) ORDER BY place RETURNING reference, key, workflow, sequence),
            e AS (INSERT INTO \(s).events AS e (workflow, name, value, codec, ord, published)
                SELECT DISTINCT ON (workflow, name) first, name, output, output_codec, number + ord, finished FROM t
                WHERE effect = 2 AND \(recorded) ORDER BY workflow, name, ord DESC
                ON CONFLICT (workflow, name) DO UPDATE SET value = excluded.value, codec = excluded.codec, ord = excluded.ord,
                    published = excluded.published WHERE e.ord < excluded.ord),
            a AS (INSERT INTO \(s).streams (\(StreamColumns.names))
                SELECT first, name, number, output, output_codec, finished, NULL, 1 FROM t WHERE effect = 3 AND \(recorded)
                ON CONFLICT DO NOTHING),
            r AS (INSERT INTO \(s).replies (workflow, request, key, output, output_codec, error, error_codec, replied, run, step)
                SELECT first, target_id, name, payload, payload_codec, refusal, refusal_codec, finished, workflow, key FROM t
                WHERE effect = 4 AND \(recorded)
                ON CONFLICT DO NOTHING),
            d AS (DELETE FROM \(s).inbox WHERE sequence = ANY(ARRAY(SELECT number FROM t WHERE effect = 4 AND \(recorded)))),
            f AS (\(StepStatements.forgiving(s, types.count + 1)))
            SELECT count(*), 0::int2, NULL::int8, NULL::text, NULL::int8, NULL::int8 FROM s
            UNION ALL SELECT 0, 1::int2, reference, key, workflow, sequence FROM i
            UNION ALL SELECT 0, 2::int2, workflow, key, NULL, NULL FROM t WHERE refused AND \(recorded)
            """)
    }
}
