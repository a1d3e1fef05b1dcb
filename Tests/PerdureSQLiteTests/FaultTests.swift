internal import Perdure
internal import PerdureSQLite
internal import Testing

/// Each thing that can be wrong with a place is one error that says what to do.
@Suite struct FaultTests {
    private func expect(_ path: String, options: SQLiteOptions = SQLiteOptions(), says words: String) async {
        let error = await openingError(path, options: options)
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }

    @Test func `a directory that does not exist`() async throws {
        let scratch = try Scratch()
        await expect("\(scratch.path)/no/shop.db", says: "does not exist: create it")
    }

    @Test func `a directory instead of a file`() async throws {
        let scratch = try Scratch()
        await expect(scratch.path, says: "is a directory")
    }

    @Test func `a place where nothing can be written`() async {
        await expect("/proc/perdure.db", says: "to write the")
    }

    @Test func `a file that is no database`() async throws {
        let scratch = try Scratch()
        try scratch.write(
            Array("This is a letter, and it is long enough to be taken for a header of a database of SQLite.".utf8), to: "test.db")
        await expect(scratch.file, says: "is not an SQLite database")
    }

    @Test func `a file that is opened read-only`() async throws {
        let scratch = try Scratch()
        #expect(await openingError(scratch.file) == nil)
        await expect("file:\(scratch.file)?mode=ro", says: "read-only")
    }

    @Test func `a damaged file`() async throws {
        let scratch = try Scratch()
        try Stranger(scratch.file).run("CREATE TABLE mine (id)")
        var bytes = [UInt8](repeating: 0xAA, count: 8192)
        bytes.replaceSubrange(0..<16, with: Array("SQLite format 3\u{0}".utf8))
        // A plausible header (page size 4096, the right fractions), then rubbish.
        bytes.replaceSubrange(16..<24, with: [16, 0, 1, 1, 0, 64, 32, 32])
        try scratch.write(bytes, to: "test.db")
        await expect(scratch.file, says: "'\(scratch.file)'")
    }

    @Test(arguments: [":memory:", "", "file::memory:", "file:x?mode=memory&cache=shared"])
    func `a database in memory`(_ path: String) async {
        await expect(path, says: ".memory()")
    }

    @Test(
        arguments: [
            (0x6969, "NFS"), (0x517B, "SMB"), (0xFF53_4D42, "SMB"), (0xFE53_4D42, "SMB"), (0x5346_414F, "AFS"), (0x7375_7245, "Coda"),
            (0x0102_1997, "9P"),
        ] as [(UInt32, String)])
    func `a network file system is refused`(_ type: UInt32, _ name: String) async throws {
        let scratch = try Scratch()
        var options = SQLiteOptions()
        options.fileSystemType = { _ in type }
        await expect(scratch.file, options: options, says: "network file system (\(name)")
        #expect(scratch.names.isEmpty)
    }

    @Test func `a file system in user space is used with a warning`() async throws {
        let scratch = try Scratch()
        var options = SQLiteOptions()
        options.fileSystemType = { _ in 0x6573_5546 }
        let warnings = Lock<[String]>([])
        let settings = StoreSettings { level, message in
            if level == .warning { warnings.withLock { $0.append(message) } }
        }
        #expect(await openingError(scratch.file, options: options, settings: settings) == nil)
        #expect(warnings.withLock { $0.count } == 1)
    }

    @Test(arguments: ["file:", "file://", "file://localhost"]) func `a URL of a file`(_ prefix: String) async throws {
        let scratch = try Scratch()
        #expect(await openingError("\(prefix)\(scratch.path)/a%20shop.db?cache=private#top") == nil)
        #expect(scratch.names == ["a shop.db"])
    }

    @Test func `a full disk loses nothing, and what waits is written when there is room`() async throws {
        let scratch = try Scratch()
        var options = SQLiteOptions()
        options.maxPageCount = 120
        let store = try await SQLiteStore.open(scratch.file, options: options, settings: StoreSettings())
        let writer = try await store.registered(7)
        _ = try await writer.commit([.start(workflow(1))])
        let large = json("\"\(String(repeating: "x", count: 1_000_000))\"")
        let step = StepRecord(workflow: 1, key: "large", order: 1, kind: .step, output: large, started: 1, finished: 2)
        let error = await #expect(throws: StoreError.self) { _ = try await writer.commit([.step(step)]) }
        #expect(error?.code == .full)
        _ = try await writer.commit([.step(PerdureSQLiteTests.step(1, "small", order: 1))])
        await store.close()

        let roomy = try await SQLiteStore.open(scratch.file, options: SQLiteOptions(), settings: StoreSettings())
        _ = try await roomy.writer(0, for: 7).commit([.step(step)])
        #expect(try await roomy.load([1], limit: 9).first?.history.map(\.key).sorted() == ["large", "small"])
        await roomy.close()
    }

    @Test func `another process that writes for too long`() async throws {
        try await withStore(SQLiteOptions(busyTimeout: .milliseconds(20))) { store, scratch in
            let stranger = try Stranger(scratch.file)
            try stranger.run("BEGIN IMMEDIATE")
            let error = await #expect(throws: StoreError.self) { _ = try await store.numberBlock() }
            #expect(error?.code == .transient)
            try stranger.run("ROLLBACK")
            _ = try await store.numberBlock()
        }
    }

    @Test func `numbers never repeat when the clock steps back`() async throws {
        let time = Lock<Microseconds>(1_800_000_000_000_000)
        var options = SQLiteOptions()
        options.clock = { time.withLock { $0 } }
        try await withStore(options) { store, _ in
            let first = try await store.numberBlock()
            time.withLock { $0 -= 3_600_000_000 }
            let second = try await store.numberBlock()
            #expect(second.first >= first.first + Int64(first.count))
            #expect(first.first >> 22 == 1_800_000_000_000 - 1_735_689_600_000)
        }
    }

    @Test(arguments: ["an id", "a name", "a queue", "a key", "a step"]) func `NUL in a name is refused alone`(_ what: String) async throws {
        try await withStore { store, _ in
            let writer = try await store.registered(7)
            var record = workflow(1)
            var key = "a"
            switch what {
            case "an id": record.id = "a\u{0}b"
            case "a name": record.lane.workflow = "a\u{0}b"
            case "a queue": record.lane.queue = "a\u{0}b"
            case "a key": record.lane.key = "a\u{0}b"
            default: key = "a\u{0}b"
            }
            let batch: [Command] = [.start(record), .step(step(1, key, order: 1))]
            let error = await #expect(throws: StoreError.self) { _ = try await writer.commit(batch) }
            #expect(error?.code == .rejected)
            #expect(error?.message.contains("NUL") == true)
            #expect(try await store.status(of: 1) == nil)
        }
    }
}
