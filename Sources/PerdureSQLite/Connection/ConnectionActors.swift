internal import Perdure

/// The one connection of a store that writes, on a thread of its own.
actor WriteConnection {
    nonisolated let thread: ThreadExecutor
    nonisolated let connection: Connection
    nonisolated let gate: WriteGate
    nonisolated let changed: @Sendable () -> Void

    init(connection: Connection, gate: WriteGate, thread: ThreadExecutor, changed: @escaping @Sendable () -> Void) {
        self.connection = connection
        self.gate = gate
        self.thread = thread
        self.changed = changed
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// One transaction, in turn.
    ///
    /// Waits on this thread, so that a caller whose own executor is busy does not hold up the others.
    func write<Value: Sendable>(
        _ body: @Sendable (Connection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await begin()
        defer { gate.release() }
        do {
            let value = try body(connection)
            try connection.commit()
            return value
        } catch {
            connection.rollback()
            throw error
        }
    }

    /// Opens a transaction and keeps the gate; whoever called ends the one and releases the other.
    func begin() async throws(StoreError) {
        await gate.acquire()
        do {
            try connection.begin()
            if try connection.othersHaveWritten() { changed() }
        } catch {
            connection.rollback()
            gate.release()
            throw error
        }
    }

    /// For who holds the gate.
    func perform<Value: Sendable>(
        _ body: @Sendable (Connection) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try body(connection)
    }

    func close() async {
        await gate.acquire()
        connection.rollback()
        connection.close()
        gate.release()
    }
}

/// A connection that only reads, on a thread of its own: it never waits for a writer.
actor ReadConnection {
    nonisolated let thread: ThreadExecutor
    private let connection: Connection
    private let location: FileLocation

    init(connection: Connection, thread: ThreadExecutor, at location: FileLocation) {
        self.connection = connection
        self.thread = thread
        self.location = location
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// All that `body` reads is of one moment.
    func read<Value: Sendable>(
        _ body: @Sendable (Connection) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        if location.access != .readAlone { return try connection.snapshot(body) }
        do {
            let value = try connection.snapshot(body)
            try checkAlone()
            return value
        } catch {
            try checkAlone()
            throw error
        }
    }

    /// What was read from a file that changes meanwhile is no moment's.
    private func checkAlone() throws(StoreError) {
        if location.isAloneNoMore {
            throw StoreError(.unavailable, "somebody has begun to write '\(location.path)' while it was read as if alone: open it again")
        }
    }

    /// Something else that blocks.
    func perform<Value: Sendable>(_ body: @Sendable () throws(StoreError) -> Value) throws(StoreError) -> Value {
        try body()
    }

    func close() { connection.close() }
}
