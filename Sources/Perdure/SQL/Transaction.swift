/// An open transaction: what the body of ``WorkflowContext/transaction(_:id:isolation:on:_:)->_`` and ``Client/transaction(isolation:_:)`` get.
///
/// It ends with the body; a statement after that is an error. Statements run one at a time. A statement that fails makes the transaction
/// unusable, as in the database itself: let the error pass.
public final class Transaction: Sendable {
    private let isOpen = Lock(true)
    private let numbers = Lock<Range<WorkflowNumber>>(0..<0)
    private let touched = Lock<Set<Wakeup>>([])
    package let backend: any OpenTransaction

    package init(_ backend: any OpenTransaction) { self.backend = backend }

    /// The store in whose transaction the current task is.
    @TaskLocal private static var enclosing: ObjectIdentifier?

    /// Runs the body of a transaction of `store`.
    ///
    /// A second one inside it would wait for a connection, or a lock, that the first may hold: with a pool of one for ever.
    static func inside<Result>(
        _ store: any StoreBackend, _ body: () async throws -> Result
    ) async throws -> Result {
        try await $enclosing.withValue(ObjectIdentifier(store as AnyObject)) { try await body() }
    }

    static func checkNotInside(_ store: any StoreBackend) throws(WorkflowError) {
        guard enclosing == ObjectIdentifier(store as AnyObject) else { return }
        throw WorkflowError(
            .invalidState, "a transaction inside a transaction of the same store: use the `db` that the outer one has, or end it first")
    }

    /// Runs a statement.
    ///
    /// - Returns: How many rows it inserted, updated or deleted.
    @discardableResult
    public func execute(_ sql: SQL) async throws -> Int {
        try checkOpen()
        return try await backend.execute(sql)
    }

    /// Runs a query, and decodes each row: a `Codable` type by the columns' names, a single value by the only column.
    public func query<Row: Decodable & Sendable>(_ sql: SQL, as type: Row.Type = Row.self) async throws -> [Row] {
        try checkOpen()
        let rows = try await backend.query(sql)
        return try SQLRowDecoder(columns: rows.columns).decode(type, from: rows.rows)
    }

    /// What others are to be told when it has committed.
    var wakeups: [Wakeup] { touched.withLock { Array($0) } }

    func touch(_ wakeup: Wakeup) { _ = touched.withLock { $0.insert(wakeup) } }

    /// Numbers for workflows that are started in it, where the store can only give them inside it.
    func nextNumber() async throws(StoreError) -> WorkflowNumber? {
        while true {
            let number = numbers.withLock { numbers -> WorkflowNumber? in numbers.popFirst() }
            if let number { return number }
            guard let block = try await backend.numberBlock() else { return nil }
            numbers.withLock { $0 = block.first..<(block.first + WorkflowNumber(block.count)) }
        }
    }

    package func close() { isOpen.withLock { $0 = false } }

    package func checkOpen() throws {
        guard isOpen.withLock({ $0 }) else {
            throw WorkflowError(.ended, "the transaction was used after its body had returned")
        }
    }
}

/// A database other than the one that keeps the workflows, for ``WorkflowContext/transaction(_:id:isolation:on:_:)->_``.
///
/// Made by `.postgres(…)` of `PerdurePostgres`. The checkpoint goes into a table there, so that the writes and the checkpoint still commit together.
public struct Database: Sendable {
    /// A transaction there, for the workflows of the store with this identity.
    package let begin: @Sendable (IsolationLevel, _ store: String) async throws(StoreError) -> any OpenTransaction

    package init(begin: @escaping @Sendable (IsolationLevel, _ store: String) async throws(StoreError) -> any OpenTransaction) {
        self.begin = begin
    }
}
