import Perdure
import PerdureTesting
import Testing

/// Never ends by itself.
private struct Endless: Workflow {
    static let name = "Endless"

    func run(_ pause: Int, in context: WorkflowContext) async throws -> Int {
        if pause > 0 { try await context.sleep(for: .milliseconds(pause)) } else { try await context.step("work") {} }
        try continueAsNew(pause, in: context)
    }
}

/// What was agreed with the first run holds for those as which it goes on.
@Suite(.timeLimit(.minutes(5)), .fewAtOnce)
struct ContinuedTermsTests {
    /// Also what is changed while it goes on: it is the next run's, or was the last one's before that began.
    @Test(arguments: SQLStore.available)
    func `what it is found by goes on with it, and who ends it by an early handle is kept`(_ store: SQLStore) async throws {
        let (database, table) = store.make()
        let engine = try await Engine(store: database, configuration: .test) { Endless() }
        let client = engine.client
        try await running([engine]) {
            let first = try await engine.start(Endless.self, 0, id: "endless", options: StartOptions(attributes: ["customer": "acme"]))
            for number in 0..<30 {
                try await first.setAttributes(["round": SearchAttribute.int(Int64(number))], by: "ada")
                try await eventually("a run more") { try await client.runs(of: "endless").count > number + 1 }
                let found = try client.workflows(where: "status = running and customer = \"acme\" and round = \(number)")
                #expect(try await found.reduce(0) { count, _ in count + 1 } == 1)
            }
            try await first.cancel(by: "ada", reason: "enough")
            await #expect(throws: WorkflowError.self) { try await first.result() }
            // With the run that heard of it, whichever that was.
            let view = store == .sqlite ? "perdure_workflow_interventions" : table("workflow_interventions")
            let cancels = try await client.transaction { db in
                try await db.query("SELECT by_whom FROM \(unsafeRaw: view) WHERE id = 'endless' AND kind = 'cancel'", as: String.self)
            }
            #expect(cancels == ["ada"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `a timeout goes on over all runs`(_ store: SQLStore) async throws {
        let clock = TestClock()
        var configuration = EngineConfiguration.test
        // A day in one step must not look like a database that is silent for a lease.
        configuration.lease = .days(2)
        let engine = try await Engine(store: store.make().store, configuration: configuration, clock: clock) { Endless() }
        try await withEngine(engine) { engine in
            let day = 86_400_000
            let first = try await engine.start(Endless.self, day, id: "ten days", options: StartOptions(timeout: .days(10)))
            let deadline = try await first.status().deadlineAt
            for count in 1...9 {
                try await eventually("run \(count) sleeps") {
                    try await engine.client.runs(of: "ten days").count == count && engine.statistics.waiting == 1
                }
                clock.advance(by: .days(1))
            }
            try await eventually("the tenth run is there") { try await engine.client.runs(of: "ten days").count == 10 }
            #expect(try await engine.client.handle(of: Endless.self, id: "ten days").status().deadlineAt == deadline)
            clock.advance(by: .hours(23))
            clock.advance(by: .hours(2))
            let error = await #expect(throws: WorkflowError.self) { try await first.result() }
            #expect(error?.code == .timedOut)
        }
    }
}
