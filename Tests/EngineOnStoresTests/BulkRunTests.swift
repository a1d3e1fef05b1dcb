import Foundation
import Perdure
import PerdureTesting
import Testing

extension Topic where Message == Bool { fileprivate static let word = Topic("word") }

/// Goes on as a new run at each word that it is to.
private struct Serial: Workflow {
    static let name = "Serial"

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        guard try await context.receive(.word) else { return input }
        try continueAsNew(input + 1, in: context)
    }
}

/// Fails, whatever is done about it.
private struct Hopeless: Workflow {
    static let name = "Hopeless"

    func run(_ input: Int, in context: WorkflowContext) async throws {
        try await context.step("work", retry: .none) { throw WorkflowError(.rejected, "broken") }
    }
}

/// Bulk work while workflows get new runs: by themselves, or by this very work.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct BulkRunTests {
    private func engine(_ store: Store, _ clock: TestClock) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.lease = .hours(24)
        return try await Engine(store: store, configuration: configuration, clock: clock) {
            Serial()
            Hopeless()
        }
    }

    /// One in a hundred seconds is slow enough to know what is chosen and what is not.
    private static let rate = 0.01

    private func turn(
        _ clock: TestClock, by step: Duration = .seconds(20), until what: String, _ condition: () async throws -> Bool
    ) async throws {
        try await eventually(what) {
            clock.advance(by: step)
            return try await condition()
        }
    }

    @Test(arguments: SQLStore.available)
    func `a workflow that goes on as a new run meanwhile was there, and is met once`(_ store: SQLStore) async throws {
        let clock = TestClock()
        let engine = try await engine(store.make().store, clock)
        let client = engine.client
        try await running([engine]) {
            for number in 0..<5 { try await client.start(Serial.self, 0, id: "serial-\(number)") }
            let bulk = try await client.bulk(
                .setAttributes(["seen": true]), where: "name = \"Serial\" and status = open", rate: Self.rate, by: "ada")
            try await eventually("one is done") { try await bulk.progress().done == 1 }
            // The first is done, the second is chosen, and the others were not looked at.
            for number in 0..<4 { try await client.send(to: "serial-\(number)", .word, true) }
            for number in 0..<4 {
                try await eventually("it goes on") { try await client.runs(of: "serial-\(number)").count == 2 }
            }
            try await client.start(Serial.self, 0, id: "late")
            try await turn(clock, until: "four are done") { try await bulk.progress().done == 4 }
            // Once more, at the end of the first pass.
            for number in 0..<5 { try await client.send(to: "serial-\(number)", .word, true) }
            try await turn(clock, until: "all is done") { try await bulk.status().state == .completed }
            let progress = try await bulk.result()
            #expect(progress.done == 5 && progress.matched == 5, "\(progress)")
            for number in 0..<5 {
                var asked = 0
                for run in try await client.runs(of: "serial-\(number)") { asked += try await client.interventions(of: run.run).count }
                #expect(asked == 1, "serial-\(number)")
                #expect(try await client.status(of: "serial-\(number)").attributes == ["seen": true])
            }
            #expect(try await client.interventions(of: "late").isEmpty)
        }
    }

    @Test(arguments: SQLStore.available)
    func `of a workflow that has gone on as many runs only the newest is met`(_ store: SQLStore) async throws {
        let clock = TestClock()
        let engine = try await engine(store.make().store, clock)
        let client = engine.client
        try await running([engine]) {
            let first = try await client.start(Serial.self, 0, id: "serial")
            for count in 2...4 {
                try await client.send(to: "serial", .word, true)
                try await eventually("it goes on") { try await client.runs(of: "serial").count == count }
            }
            let tagged = try await client.bulk(.setAttributes(["seen": true]), where: "name = \"Serial\"", rate: 1_000, by: "ada")
            try await turn(clock, until: "it is done") { try await tagged.status().state == .completed }
            #expect(try await tagged.result().matched == 1)
            try await client.send(to: "serial", .word, false)
            #expect(try await first.result() == 3)
            let restarted = try await client.bulk(.restart, where: "name = \"Serial\"", rate: 1_000, by: "ada")
            try await turn(clock, until: "it is done") { try await restarted.status().state == .completed }
            let progress = try await restarted.result()
            #expect(progress.matched == 1 && progress.done == 1)
        }
    }

    /// The numbers of the new runs are smaller than that of the bulk work: its client has fetched its own later.
    @Test(arguments: SQLStore.available)
    func `what the work itself has started anew is none of its business, though it fails again`(_ store: SQLStore) async throws {
        let (clock, place) = (TestClock(), store.make().store)
        let engine = try await engine(place, clock)
        let client = engine.client
        try await running([engine]) {
            for number in 0..<3 { try await client.start(Hopeless.self, 0, id: "hopeless-\(number)") }
            try await eventually("all have failed") { try await client.count(where: "status = failed") == 3 }
            let other = try await Client(store: place, configuration: .test)
            let bulk = try await other.bulk(.rewind, where: "name = \"Hopeless\" and status = failed", rate: Self.rate, by: "ada")
            for count in 1...3 {
                // The first with a number of the block that the engine has at hand.
                try await turn(clock, by: count == 1 ? .zero : .seconds(20), until: "\(count) are done") {
                    try await bulk.progress().done == count
                }
                try await eventually("it has failed again") { try await client.count(where: "status = failed") >= 3 + count }
            }
            try await turn(clock, until: "it is done") { try await bulk.status().state == .completed }
            #expect(try await bulk.result().matched == 3)
            for number in 0..<3 {
                #expect(try await client.runs(of: "hopeless-\(number)").map { $0.link?.kind } == [nil, .rewound])
            }
            await other.close()
        }
    }
}
