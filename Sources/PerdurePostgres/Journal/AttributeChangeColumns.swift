internal import Perdure

/// Rows of history that change their workflow's attributes, on their way; the change is the row's output.
final class AttributeChangeColumns {
    private let steps = StepColumns()
    private let refusal = PayloadColumns()

    var count: Int { steps.count }

    func clear() {
        steps.clear()
        for column in [refusal.bytes, refusal.codec] { column.clear() }
    }

    func append(_ step: StepRecord, refusal: EncodedPayload) throws(StoreError) {
        try steps.append(step)
        self.refusal.append(refusal)
    }

    var parameters: [ParameterBuffer?] { steps.parameters + [refusal.bytes.sealed, refusal.codec.sealed] }

    /// Its first row holds how many rows were new, as that of `EffectStatements.effects`; then come those that were refused (3: workflow, key).
    static func statement(_ s: SchemaName, _ duplicates: Duplicates) -> Statement {
        let types = StepColumns.types + ["bytea", "int2"]
        let recorded = "(t.workflow, t.key) IN (SELECT workflow, key FROM s)"
        let change = "\(s).payload_json(t.output, t.output_codec)"
        return Statement(
            "perdure_attributes\(duplicates.suffix)",
            """
            WITH t AS MATERIALIZED (SELECT t.*, NOT \(s).attributes_fit(t.workflow, \(change)) AS refused
                FROM unnest(\(arrays(types))) WITH ORDINALITY AS t(\(StepColumns.names), refusal, refusal_codec, place)),
            s AS (INSERT INTO \(s).steps (\(StepColumns.names))
                SELECT workflow, key, ord, kind, output, output_codec, CASE WHEN refused THEN refusal ELSE error END,
                    CASE WHEN refused THEN refusal_codec ELSE error_codec END, started, finished, attempts FROM t
                \(duplicates.clause) RETURNING workflow, key),
            c AS MATERIALIZED (SELECT \(s).change_attributes(t.workflow, \(change))
                FROM (SELECT * FROM t ORDER BY place) t WHERE NOT t.refused AND \(recorded)),
            f AS (\(StepStatements.forgiving(s, types.count + 1)))
            SELECT count(*), 0::int2, (SELECT count(*) FROM c), NULL::text FROM s
            UNION ALL SELECT 0, 3::int2, t.workflow, t.key FROM t WHERE t.refused AND \(recorded)
            """)
    }
}
