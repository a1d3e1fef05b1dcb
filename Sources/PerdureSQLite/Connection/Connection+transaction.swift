internal import Perdure

extension Query {
    fileprivate static let begin = Query("BEGIN IMMEDIATE")
    fileprivate static let beginRead = Query("BEGIN")
    fileprivate static let commit = Query("COMMIT")
    fileprivate static let rollback = Query("ROLLBACK")
    fileprivate static let savepoint = Query("SAVEPOINT perdure_one")
    fileprivate static let release = Query("RELEASE perdure_one")
    fileprivate static let rollbackTo = Query("ROLLBACK TO perdure_one")
    fileprivate static let dataVersion = Query("PRAGMA data_version")
}

extension Connection {
    /// Takes the write lock at once: a transaction that reads first and writes later could only fail.
    func begin() throws(StoreError) {
        try prepared(.begin).run()
        turns = 0..<0
    }

    func commit() throws(StoreError) {
        try prepared(.commit).run()
        crashed.subtract(recovered)
        recovered = []
    }

    /// Whatever state the transaction is in; after some errors SQLite has ended it already.
    func rollback() {
        lanes = LaneCache()
        recovered = []
        guard isInTransaction else { return }
        try? prepared(.rollback).run()
    }

    /// All of `body` or nothing.
    func transaction<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        try begin()
        do {
            let value = try body(self)
            try commit()
            return value
        } catch {
            rollback()
            throw error
        }
    }

    /// All that `body` reads is of one moment.
    func snapshot<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        try prepared(.beginRead).run()
        defer { if isInTransaction { try? prepared(.rollback).run() } }
        return try body(self)
    }

    /// Undoes what `body` wrote if it is rejected, and nothing else of the transaction.
    func attempt<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        try prepared(.savepoint).run()
        do {
            let value = try body()
            try prepared(.release).run()
            return value
        } catch {
            if isInTransaction {
                lanes = LaneCache()
                turns = 0..<0
                try prepared(.rollbackTo).run()
                try prepared(.release).run()
            }
            throw error
        }
    }

    /// Whether another connection has written since this was last asked.
    func othersHaveWritten() throws(StoreError) -> Bool {
        let version = try prepared(.dataVersion).first { $0.int(0) } ?? 0
        defer { seenDataVersion = version }
        return version != seenDataVersion
    }
}
