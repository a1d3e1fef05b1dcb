extension WorkflowContext {
    /// Runs SQL of the user's and records its result in one transaction: both happen, or neither, exactly once.
    ///
    /// The body runs again as a whole when the database asks for it (a serialization failure, a deadlock), so it should touch nothing but `db`.
    /// An error that it throws rolls everything back and is recorded like that of a step. On SQLite the body holds the file's only write
    /// lock, and is bounded.
    ///
    /// - Parameters:
    ///   - name: As for a step.
    ///   - id: As for a step.
    ///   - isolation: How the transaction sees the others.
    ///   - database: Another database than the one that keeps the workflows; the checkpoint is then also kept in a table there.
    ///   - body: The statements.
    @discardableResult
    public func transaction<Result: Payload>(
        _ name: String, id: (any StepID)? = nil, isolation: IsolationLevel = .serializable, on database: Database? = nil,
        _ body: @escaping @Sendable (Transaction) async throws -> Result
    ) async throws -> Result {
        let coder = run.coder
        let record = try await transaction(name, id, isolation, database) { db in
            let result = try await body(db)
            return try coder.encode(result, what: "the result of transaction '\(name)'")
        }
        return try decoded(Result.self, record.output, "the recorded result of transaction '\(record.key)'")
    }

    /// Runs SQL of the user's that has no result; see the other ``transaction(_:id:isolation:on:_:)``.
    public func transaction(
        _ name: String, id: (any StepID)? = nil, isolation: IsolationLevel = .serializable, on database: Database? = nil,
        _ body: @escaping @Sendable (Transaction) async throws -> Void
    ) async throws {
        _ = try await transaction(name, id, isolation, database) { db in
            try await body(db)
            return .void
        }
    }

    private func transaction(
        _ name: String, _ id: (any StepID)?, _ isolation: IsolationLevel, _ database: Database?,
        _ body: @escaping @Sendable (Transaction) async throws -> EncodedPayload
    ) async throws -> StepRecord {
        try await enter("transaction '\(name)'")
        let base = try key(name, id, "the name of a transaction")
        let record = try await call(base, .transaction, exclusive: true) { key in
            TransactionBody(run: run, key: key, name: name, isolation: isolation, database: database, work: body).start()
        }
        return try succeeded(record)
    }
}
