internal import Perdure

/// The table into which transactions write their checkpoint, with the statements for it.
struct CheckpointTable: Sendable {
    private let insert: Statement
    private let read: Statement
    /// Whose workflow it is, in a table that several stores share.
    private let store: String?
    /// nil where the table is not in the database that holds the workflows.
    let forgetPending: Statement?

    /// Without ON CONFLICT: a row that is there rolls the user's writes back.
    private init(_ table: String, of store: String?, forgetPending: Statement?) {
        let count = StepColumns.types.count
        let values = (1...count).map { "$\($0)::\(StepColumns.types[$0 - 1])" }.joined(separator: ", ")
        let (column, value, isOurs) = store == nil ? ("", "", "") : (", store", ", $\(count + 1)::text", " AND store = $3::text")
        insert = Statement("perdure_checkpoint", "INSERT INTO \(table) (\(StepColumns.names)\(column)) VALUES (\(values)\(value))")
        read = Statement(
            "perdure_read_checkpoint", isPrepared: false,
            "SELECT \(StepColumns.names) FROM \(table) WHERE workflow = $1::int8 AND key = $2::text\(isOurs)")
        self.store = store
        self.forgetPending = forgetPending
    }

    /// The history itself.
    static func steps(_ s: SchemaName) -> CheckpointTable {
        CheckpointTable(
            "\(s).steps", of: nil,
            forgetPending: Statement(
                "perdure_forget_one", isPrepared: false, "DELETE FROM \(s).pending WHERE workflow = $1::int8 AND key = $2::text"))
    }

    /// A table of its own in another database.
    static func checkpoints(_ s: SchemaName, of store: String) -> CheckpointTable {
        CheckpointTable("\(s).checkpoints", of: store, forgetPending: nil)
    }

    func insertion(of step: StepRecord) throws(StoreError) -> Request {
        var all = try Self.parameters(step)
        if let store { all.append(try .text(store)) }
        return Request(insert, all)
    }

    func reading(_ workflow: WorkflowNumber, _ key: String) throws(StoreError) -> Request {
        var parameters: [ParameterBuffer?] = [.int8(workflow), try .text(key)]
        if let store { parameters.append(try .text(store)) }
        return Request(read, parameters)
    }

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
