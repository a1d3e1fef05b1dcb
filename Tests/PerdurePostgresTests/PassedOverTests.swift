internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

private struct Sleeper: Workflow {
    static let name = "Sleeper"

    func run(_: Void, in context: WorkflowContext) async throws { try await context.sleep(for: .seconds(86_400)) }
}

@Suite(Server.isThere, .timeLimit(.minutes(3))) struct PassedOverTests {
    /// An engine froze in the middle of its claim; others saw the arrival, and passed over the row that was locked.
    @Test func `what a dead engine was claiming is looked for when it is taken its lease`() async throws {
        var options = Server.options
        options.reaperPatience = 100
        try await withStore(options: options) { fixture in
            let dead = try await fixture.executor(lease: .seconds(4))
            let record = try await fixture.record(Sleeper.name)
            _ = try await dead.writer.commit([.start(record), .suspend(record.number, due: .max)])
            let frozen = Session(Session.Settings(address: ServerAddress(fixture.url), log: { _, _ in }))
            try frozen.simple("BEGIN; SELECT \(fixture.s).fence(\(dead.id), 1)")
            try frozen.simple("SELECT FROM \(fixture.s).live WHERE number = \(record.number) FOR UPDATE")
            var configuration = EngineConfiguration()
            configuration.lease = .seconds(1)
            configuration.log = { _, _ in }
            let store = Store.postgres(fixture.url, schema: fixture.schema, options: options)
            let engine = try await Engine(store: store, configuration: configuration) { Sleeper() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await engine.run() }
                try await fixture.store.deliver([InboxItem(workflow: record.number, kind: .cancel)])
                try await eventually("it is cancelled") { try await fixture.store.status(of: record.number)?.outcome != nil }
                group.cancelAll()
                try await group.waitForAll()
            }
            await engine.close()
            frozen.disconnect()
        }
    }
}
