internal import Perdure
internal import PerdureSQLite
internal import Testing

private struct Greeting: Workflow {
    func run(_ name: String, in context: WorkflowContext) async throws -> String { name }
}

@Suite struct OutboxTests {
    /// The transaction holds the write lock that a fetch of workflow numbers would wait for.
    @Test func `a transaction can start more workflows than there are numbers at hand`() async throws {
        let scratch = try Scratch()
        let client = try await Client(store: .sqlite(scratch.file))
        try await client.transaction { db in
            for index in 0..<100 { try await client.start(Greeting.self, "x", id: "w\(index)", in: db) }
        }
        #expect(try await client.status(of: "w99").state == .queued)
        await client.close()
    }

    @Test func `numbers of a transaction that was rolled back are not given out twice`() async throws {
        struct Stop: Error {}
        let scratch = try Scratch()
        let client = try await Client(store: .sqlite(scratch.file))
        await #expect(throws: Stop.self) {
            try await client.transaction { db in
                try await client.start(Greeting.self, "x", id: "lost", in: db)
                throw Stop()
            }
        }
        try await client.start(Greeting.self, "x", id: "kept")
        await #expect(throws: WorkflowError.self) { try await client.status(of: "lost") }
        #expect(try await client.status(of: "kept").state == .queued)
        await client.close()
    }
}
