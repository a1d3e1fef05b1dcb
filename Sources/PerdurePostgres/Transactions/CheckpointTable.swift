internal import Perdure

/// The table into which transactions write their checkpoint, with the statements for it.
struct CheckpointTable: Sendable {
    let insert: Statement
    let read: Statement
    /// nil where the table is not in the database that holds the workflows.
    let forgetPending: Statement?

    /// Without ON CONFLICT: a row that is there rolls the user's writes back.
    private init(_ table: String, forgetPending: Statement?) {
        let count = StepColumns.types.count
        let values = (1...count).map { "$\($0)::\(StepColumns.types[$0 - 1])" }.joined(separator: ", ")
        insert = Statement("perdure_checkpoint", "INSERT INTO \(table) (\(StepColumns.names)) VALUES (\(values))")
        read = Statement(
            "perdure_read_checkpoint", isPrepared: false,
            "SELECT \(StepColumns.names) FROM \(table) WHERE workflow = $1::int8 AND key = $2::text")
        self.forgetPending = forgetPending
    }

    /// The history itself.
    static func steps(_ s: SchemaName) -> CheckpointTable {
        CheckpointTable(
            "\(s).steps",
            forgetPending: Statement(
                "perdure_forget_one", isPrepared: false, "DELETE FROM \(s).pending WHERE workflow = $1::int8 AND key = $2::text"))
    }

    /// A table of its own in another database.
    static func checkpoints(_ s: SchemaName) -> CheckpointTable { CheckpointTable("\(s).checkpoints", forgetPending: nil) }

    static func parameters(_ step: StepRecord) throws(StoreError) -> [ParameterBuffer?] {
        [
            .int8(step.workflow), try .text(step.key), .int8(step.order), .int2(step.kind.rawValue), step.output.map { .bytes($0.bytes) },
            step.output.map { .int2($0.codec) }, step.error.map { .bytes($0.bytes) }, step.error.map { .int2($0.codec) },
            .int8(step.started), .int8(step.finished), .int4(step.attempts),
        ]
    }
}

extension ParameterBuffer {
    static func int2(_ value: Int16) -> ParameterBuffer {
        let buffer = ParameterBuffer()
        buffer.append(value)
        return buffer
    }
}
