import Foundation
import Perdure
import Testing

/// Fails until it is mended.
private struct Chore: Workflow {
    static let name = "BulkJob"
    let isMended: Lock<Bool>
    let retry: RetryPolicy

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("first") { input }
        return try await context.step("work", retry: retry) { [isMended] in
            guard isMended.withLock({ $0 }) else { throw WorkflowError(.rejected, "broken") }
            return input
        }
    }
}

/// Each thing that bulk work can do, and what single operators have done before it.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct BulkActionTests {
    private static let jobs = "name = \"BulkJob\""

    private func start(_ count: Int, _ client: Client) async throws {
        for number in 0..<count { try await client.start(Chore.self, number, id: "job-\(number)") }
    }

    private func done(_ bulk: BulkHandle, _ count: Int, skipped: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let progress = try await bulk.result()
        #expect(
            progress.done == count && progress.skipped == skipped && progress.failed == 0 && progress.matched == count + skipped,
            "\(progress)", sourceLocation: sourceLocation)
    }

    @Test(arguments: SQLStore.available)
    func `steps that wait are tried at once`(_ store: SQLStore) async throws {
        let isMended = Lock(false)
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Chore(isMended: isMended, retry: .fixed(attempts: 9, interval: .days(1)))
        }
        let client = engine.client
        try await running([engine]) {
            try await start(5, client)
            for number in 0..<5 {
                try await eventually("it has failed once") { try await client.status(of: "job-\(number)").pendingSteps.count == 1 }
            }
            isMended.withLock { $0 = true }
            try await done(client.bulk(.retryNow, where: Self.jobs, rate: 1_000, by: "ada"), 5)
            try await eventually("all have completed") { try await client.count(where: "status = completed and \(Self.jobs)") == 5 }
            // Nothing is open any more, so nothing matches.
            try await done(client.bulk(.retryNow, where: Self.jobs, rate: 1_000, by: "ada"), 0)
        }
    }

    @Test(arguments: SQLStore.available)
    func `what failed goes on, and what has ended begins anew`(_ store: SQLStore) async throws {
        let isMended = Lock(false)
        let engine = try await Engine(store: store.make().store, configuration: .test) { Chore(isMended: isMended, retry: .none) }
        let client = engine.client
        try await running([engine]) {
            try await start(4, client)
            try await eventually("all have failed") { try await client.count(where: "status = failed") == 4 }
            isMended.withLock { $0 = true }
            try await client.rewind("job-3", options: NewRunOptions(by: "eve"))
            // Somebody was faster with one of them.
            try await done(client.bulk(.rewind, where: Self.jobs + " and status = failed", rate: 1_000, by: "ada"), 3, skipped: 1)
            try await eventually("all have completed") { try await client.count(where: "status = completed and \(Self.jobs)") == 4 }
            let runs = try await client.runs(of: "job-0")
            #expect(runs.map { $0.link?.kind } == [nil, .rewound] && runs.last?.link?.by == "ada")
            // Of each id the newest run, and the earlier ones are passed over.
            try await done(client.bulk(.restart, where: Self.jobs, rate: 1_000, by: "ada"), 4, skipped: 4)
            try await eventually("all have completed again") { try await client.count(where: "status = completed and \(Self.jobs)") == 8 }
            #expect(try await client.runs(of: "job-0").count == 3)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a step that waits is given its result, its error, or left out`(_ store: SQLStore) async throws {
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Chore(isMended: Lock(false), retry: .fixed(attempts: 9, interval: .days(1)))
        }
        let client = engine.client
        try await running([engine]) {
            try await start(6, client)
            for number in 0..<6 {
                try await eventually("it has failed once") { try await client.status(of: "job-\(number)").pendingSteps.count == 1 }
            }
            func some(_ numbers: Int...) -> String { "id in (" + numbers.map { "'job-\($0)'" }.joined(separator: ", ") + ")" }
            // Who has not such a step is passed over.
            try await done(client.bulk(.skip(step: "first"), where: Self.jobs, rate: 1_000, by: "ada"), 0, skipped: 6)
            let completion = try BulkAction.complete(step: "work", with: 17)
            try await done(client.bulk(completion, where: some(0, 1), rate: 1_000, by: "ada", reason: "by phone"), 2)
            try await done(client.bulk(.skip(step: "work"), where: some(2, 3), rate: 1_000, by: "ada"), 2)
            let failure = BulkAction.fail(step: "work", with: WorkflowError(.notFound, "nobody is there"))
            try await done(client.bulk(failure, where: some(4, 5), rate: 1_000, by: "ada"), 2)
            for number in 0..<6 {
                let handle = try await client.handle(of: Chore.self, id: "job-\(number)")
                if number < 2 {
                    #expect(try await handle.result() == 17)
                } else {
                    let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
                    #expect(error?.code == (number < 4 ? .skipped : .notFound))
                }
                let asked = try await handle.interventions()
                #expect(asked.map(\.state) == [.applied] && asked[0].by == "ada" && asked[0].step == "work")
                #expect(asked[0].kind == (number < 2 ? .completeStep : number < 4 ? .skipStep : .failStep))
            }
            let bulk = try await client.bulkWork()
            #expect(bulk.map(\.action) == [failure, .skip(step: "work"), completion, .skip(step: "first")])
            #expect(bulk[2].action.description == "complete step 'work'")
        }
    }

    @Test(arguments: SQLStore.available)
    func `what has ended is forked from a step, for another version`(_ store: SQLStore) async throws {
        let isMended = Lock(false)
        let engine = try await Engine(store: store.make().store, configuration: .test) { Chore(isMended: isMended, retry: .none) }
        let client = engine.client
        try await running([engine]) {
            try await start(4, client)
            try await eventually("all have failed") { try await client.count(where: "status = failed") == 4 }
            let unknown = try await client.bulk(.fork(from: "nowhere"), where: Self.jobs, rate: 1_000, by: "ada").result()
            #expect(unknown.failed == 4 && unknown.failures.first?.message.contains("nowhere") == true)
            let later = "id in ('job-0', 'job-1')"
            try await done(client.bulk(.fork(from: "work", version: "2"), where: later, rate: 1_000, by: "ada", reason: "bug 7"), 2)
            for number in 0..<2 {
                let status = try await client.status(of: "job-\(number)")
                #expect(status.state == .queued && status.version == "2" && status.link?.kind == .forked && status.link?.step == "work")
                #expect(status.link?.by == "ada" && status.link?.reason?.hasPrefix("bug 7") == true)
            }
            isMended.withLock { $0 = true }
            try await done(client.bulk(.fork(from: "work"), where: "status = failed", rate: 1_000, by: "ada"), 2, skipped: 2)
            try await eventually("they have completed") { try await client.count(where: "status = completed and \(Self.jobs)") == 2 }
        }
    }

    @Test(arguments: SQLStore.available)
    func `pauses and resumes; somebody else's pause is theirs`(_ store: SQLStore) async throws {
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Chore(isMended: Lock(false), retry: .fixed(attempts: 9, interval: .days(1)))
        }
        let client = engine.client
        try await running([engine]) {
            try await start(4, client)
            for number in 0..<4 {
                try await eventually("it has failed once") { try await client.status(of: "job-\(number)").pendingSteps.count == 1 }
            }
            try await client.pause("job-0", by: "eve")
            try await eventually("it is paused") { try await client.status(of: "job-0").state == .paused }
            try await done(client.bulk(.pause, where: Self.jobs, rate: 1_000, by: "ada"), 3)
            try await eventually("all are paused") { try await client.count(where: "status = paused") == 4 }
            #expect(try await client.status(of: "job-0").pausedBy == "eve")
            try await done(client.bulk(.resume, where: "status = paused", rate: 1_000, by: "ada", reason: "over"), 4)
            try await eventually("none is paused") { try await client.count(where: "status = paused") == 0 }
            #expect(try await client.interventions(of: "job-1").map(\.kind) == [.pause, .resume])
            try await client.terminate("job-1", by: "ada", reason: "enough")
            try await client.cancel("job-2", by: "ada")
            try await eventually("one was terminated") { try await client.count(where: "status = terminated") == 1 }
            try await eventually("one was cancelled") { try await client.count(where: "status = cancelled") == 1 }
            #expect(try await client.interventions(of: "job-1").last?.reason == "enough")
            let error = await #expect(throws: WorkflowError.self) { try await client.cancel("job-1", by: "ada", reason: "late") }
            #expect(error?.code == .ended)
        }
    }
}
