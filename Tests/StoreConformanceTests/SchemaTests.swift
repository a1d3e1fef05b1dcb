internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct SchemaTests {
    @Test(arguments: StoreUnderTest.available)
    func `the version of the tables`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let version = try await fixture.backend.schemaVersion()
            #expect(version == SchemaVersion(version: 3, minimumReader: 3))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `opening again changes nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.ready()
            let again = try await fixture.open()
            #expect(try await again.schemaVersion() == SchemaVersion(version: 3, minimumReader: 3))
            #expect(try await again.status(of: number)?.live == .ready)
            let unmigrated = try await fixture.store.open(StoreSettings(migrate: false))
            #expect(try await unmigrated.status(of: number)?.live == .ready)
            await unmigrated.close()
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `many open a new database at the same time`(_ kind: StoreUnderTest) async throws {
        let database = try kind.makeDatabase(isNew: true)
        let backends = try await withThrowingTaskGroup { group in
            for _ in 0..<4 { group.addTask { try await database.store.open(StoreSettings()) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for backend in backends { #expect(try await backend.schemaVersion().version == 3) }
        for backend in backends.dropFirst() { await backend.close() }
        try await database.remove(backends[0])
    }

    @Test(arguments: StoreUnderTest.available)
    func `tables that are missing are an error without migration`(_ kind: StoreUnderTest) async throws {
        guard kind != .memory else { return }
        let database = try kind.makeDatabase(isNew: true)
        do {
            let backend = try await database.store.open(StoreSettings(migrate: false))
            Issue.record("opened without tables")
            await backend.close()
        } catch let error as StoreError {
            #expect(error.code == .misconfigured && error.message.contains("perdure migrate"), "\(error)")
        }
        let backend = try await database.store.open(StoreSettings())
        try await database.remove(backend)
    }

    @Test(arguments: StoreUnderTest.available)
    func `what a store says of itself`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            #expect(fixture.backend.writers >= 1)
            #expect(fixture.backend.pollInterval > .zero)
            #expect(!fixture.store.description.isEmpty)
            #expect(kind != .sqlite || fixture.backend.writers == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `all writers of an executor write`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for index in 1..<max(2, fixture.backend.writers) where index < fixture.backend.writers {
                let writer = try await fixture.backend.writer(index, for: executor.id)
                let record = try await fixture.record()
                #expect(try await writer.commit([.start(record)]).allSatisfy(\.isDone))
                #expect(try await fixture.status(record.number).executor == executor.id)
                await writer.close()
            }
            try await fixture.backend.retire(executor.id)
            await executor.writer.close()
            await executor.claimer.close()
        }
    }
}
