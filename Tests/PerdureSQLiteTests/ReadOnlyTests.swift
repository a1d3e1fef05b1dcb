internal import CSQLite
internal import Perdure
internal import PerdureSQLite
internal import Testing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Reading a file that is not to be changed: a backup, say.
@Suite(.timeLimit(.minutes(1))) struct ReadOnlyTests {
    /// What a file is as long as nobody touches it.
    private struct Trace: Equatable {
        var bytes: [UInt8]
        var seconds: Int
        var nanoseconds: Int

        init(_ path: String) throws {
            var information = stat()
            guard unsafe stat(path, &information) == 0, let file = unsafe fopen(path, "r") else {
                throw StoreError(.misconfigured, "cannot read")
            }
            defer { unsafe fclose(file) }
            var bytes = [UInt8](repeating: 0, count: Int(information.st_size))
            _ = unsafe bytes.withUnsafeMutableBufferPointer { unsafe fread($0.baseAddress, 1, $0.count, file) }
            self.bytes = bytes
            #if os(Linux)
                (seconds, nanoseconds) = (information.st_mtim.tv_sec, information.st_mtim.tv_nsec)
            #else
                (seconds, nanoseconds) = (information.st_mtimespec.tv_sec, information.st_mtimespec.tv_nsec)
            #endif
        }
    }

    private func record(_ number: WorkflowNumber) -> WorkflowRecord {
        WorkflowRecord(number: number, id: "w \(number)", lane: Lane(workflow: "flow"), input: .void, created: 1)
    }

    private func start(_ number: WorkflowNumber, in store: SQLiteStore) async throws {
        _ = try await store.start([(record(number), IDPolicies())], by: nil, isOwned: false)
    }

    private func reader(_ path: String) async throws -> SQLiteStore {
        try await SQLiteStore.open(path, options: SQLiteOptions(), settings: StoreSettings(readsOnly: true))
    }

    private func expectAll(_ numbers: [WorkflowNumber], in store: SQLiteStore) async throws {
        #expect(try await store.numbers(of: ArchiveSelection(), after: .min, limit: 9) == numbers)
        #expect(try await store.search(SearchRequest(.open, now: 5, newestFirst: false)).map(\.status.record.number) == numbers)
        for number in numbers { #expect(try await store.recorded(number)?.record == record(number)) }
    }

    @Test(arguments: ["", "file:"]) func `a file that nobody has open is read, and nothing is left beside it`(_ scheme: String) async throws
    {
        let scratch = try Scratch()
        let writer = try await SQLiteStore.open(scratch.file, options: SQLiteOptions(), settings: StoreSettings())
        for number in 1...3 { try await start(WorkflowNumber(number), in: writer) }
        await writer.close()
        #expect(scratch.names == ["test.db"])
        unsafe chmod(scratch.file, 0o444)
        let before = try Trace(scratch.file)
        let store = try await reader(scheme + scratch.file)
        try await expectAll([1, 2, 3], in: store)
        #expect(try await store.schemaVersion().version > 0)
        await #expect(throws: StoreError.self) { try await start(4, in: store) }
        #expect(scratch.names == ["test.db"])
        await store.close()
        #expect(scratch.names == ["test.db"])
        #expect(try Trace(scratch.file) == before)
    }

    @Test func `a file that somebody writes is read as it is then`() async throws {
        try await withStore { writer, scratch in
            try await start(1, in: writer)
            let before = (try Trace(scratch.file), Set(scratch.names))
            let store = try await reader(scratch.file)
            try await expectAll([1], in: store)
            await #expect(throws: StoreError.self) { try await start(9, in: store) }
            #expect(try Trace(scratch.file) == before.0)
            try await start(2, in: writer)
            try await expectAll([1, 2], in: store)
            await store.close()
            #expect(Set(scratch.names) == before.1)
        }
    }

    @Test func `who begins to write a file that is read as if alone is noticed`() async throws {
        try await withStore { writer, _ in try await start(1, in: writer) }
        let scratch = try Scratch()
        let first = try await SQLiteStore.open(scratch.file, options: SQLiteOptions(), settings: StoreSettings())
        try await start(1, in: first)
        await first.close()
        let store = try await reader(scratch.file)
        try await expectAll([1], in: store)
        let writer = try await SQLiteStore.open(scratch.file, options: SQLiteOptions(), settings: StoreSettings())
        try await start(2, in: writer)
        let error = await #expect(throws: StoreError.self) { try await store.numbers(of: ArchiveSelection(), after: .min, limit: 9) }
        #expect(error?.code == .unavailable && error?.message.contains("open it again") == true)
        await store.close()
        await writer.close()
    }

    @Test func `what cannot be read says why`() async throws {
        let scratch = try Scratch()
        let settings = StoreSettings(readsOnly: true)
        #expect(await openingError(scratch.file, settings: settings)?.message.contains("does not exist") == true)
        #expect(scratch.names.isEmpty)
        try scratch.write([], to: "test.db")
        #expect(await openingError(scratch.file, settings: settings)?.message.contains("perdure migrate") == true)
        try scratch.write(
            Array("This is a letter, and it is long enough to be taken for a header of a database of SQLite.".utf8), to: "test.db")
        #expect(await openingError(scratch.file, settings: settings)?.message.contains("is not an SQLite database") == true)
        #expect(scratch.names == ["test.db"])
    }
}
