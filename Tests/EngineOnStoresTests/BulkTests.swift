import Foundation
import Perdure
import PerdureTesting
import Testing

extension Topic where Message == Int { fileprivate static let done = Topic("done") }

/// Waits for a message.
private struct Waiter: Workflow {
    static let name = "Waiter"

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int { try await input + context.receive(.done) }
}

/// Bulk work on the stores: what it does, to whom, how fast, and what is left of it after a crash.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct BulkTests {
    private func engine(_ store: Store, clock: TestClock? = nil) async throws -> Engine {
        guard let clock else { return try await Engine(store: store, configuration: .test) { Waiter() } }
        var configuration = EngineConfiguration.test
        // Minutes in one step must not look like a database that is silent for a lease.
        configuration.lease = .hours(1)
        return try await Engine(store: store, configuration: configuration, clock: clock) { Waiter() }
    }

    private func waiters(_ count: Int, _ client: Client, prefix: String = "waiter") async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await client.start(
                        Waiter.self, number, id: "\(prefix)-\(number)",
                        options: StartOptions(attributes: ["half": .int(Int64(number % 2))]))
                }
            }
            try await group.waitForAll()
        }
    }

    private static let all = "name = \"Waiter\""

    @Test(arguments: SQLStore.available)
    func `a crash and a change of engines in the middle leave nothing out and do nothing twice`(_ store: SQLStore) async throws {
        let place = store.make().store
        let first = try await engine(place)
        try await waiters(500, first.client)
        let bulk = try await first.client.bulk(
            .cancel, where: Self.all + " and status = open", id: "stop them", rate: 400, by: "ada", reason: "recall")
        try await running([first]) {
            try await eventually("some are cancelled") { try await first.client.count(where: "status = cancelled") > 20 }
            first.client.core.incarnation.withLock { $0 }?.end(.fenced("a test"))
            try await eventually("more are cancelled") { try await first.client.count(where: "status = cancelled") > 250 }
        }
        let second = try await engine(place)
        try await running([second]) {
            let handle = try await second.client.bulkHandle(id: "stop them")
            let progress = try await handle.result()
            #expect(progress.matched == 500 && progress.done == 500 && progress.skipped == 0 && progress.failed == 0)
            #expect(progress.expected == 500 && !progress.isStopped && progress.failures.isEmpty)
            try await eventually("all are cancelled") { try await second.client.count(where: "status = cancelled") == 500 }
            for number in [0, 17, 250, 499] {
                let asked = try await second.client.interventions(of: "waiter-\(number)")
                #expect(asked.map(\.kind) == [.cancel] && asked[0].by == "ada" && asked[0].state == .applied)
                #expect(asked[0].reason == "recall (bulk work 'stop them')")
            }
            let status = try await handle.status()
            #expect(status.state == .completed && status.finishedAt != nil && status.progress == progress)
        }
        _ = bulk
    }

    @Test(arguments: SQLStore.available)
    func `it keeps to its rate, and leaves alone what was started later`(_ store: SQLStore) async throws {
        let clock = TestClock()
        let engine = try await engine(store.make().store, clock: clock)
        let client = engine.client
        try await waiters(3, client)
        try await running([engine]) {
            // One in a hundred seconds.
            let bulk = try await client.bulk(.pause, where: Self.all, rate: 0.01, by: "ada")
            for count in 1...3 {
                try await eventually("\(count) are done") { try await bulk.progress().done == count }
                if count == 1 { try await waiters(1, client, prefix: "late") }
                // What was asked is there at once; to be paused takes a moment.
                var asked = 0
                for number in 0..<3 { asked += try await client.interventions(of: "waiter-\(number)").count }
                #expect(asked == count)
                clock.advance(by: .seconds(101))
            }
            #expect(try await bulk.result().matched == 3)
            try await eventually("they are paused") { try await client.count(where: "status = paused") == 3 }
            #expect(try await client.interventions(of: "late-0").isEmpty)
        }
    }

    @Test(arguments: SQLStore.available)
    func `who ends meanwhile is passed over, and what is stopped says how far it came`(_ store: SQLStore) async throws {
        let clock = TestClock()
        let engine = try await engine(store.make().store, clock: clock)
        let client = engine.client
        try await waiters(4, client)
        try await running([engine]) {
            let bulk = try await client.bulk(.terminate, where: Self.all + " and status = open", rate: 0.01, by: "ada")
            try await eventually("one is done") { try await bulk.progress().done == 1 }
            // What was asked is done a moment later. The next is chosen already.
            try await eventually("it is terminated") { try await client.count(where: "status = terminated") == 1 }
            let next = try await client.workflows(where: "status = open and name = \"Waiter\"", limit: 1, newestFirst: false).all()
            try await client.send(to: try #require(next.first).id, .done, 1)
            try await eventually("it has ended") { try await client.count(where: "status = completed") == 1 }
            clock.advance(by: .seconds(101))
            try await eventually("it was passed over") { try await bulk.progress().skipped == 1 }
            try await bulk.cancel()
            let progress = try await bulk.result()
            #expect(progress.isStopped && progress.done == 1 && progress.skipped == 1 && progress.matched == 2)
            #expect(try await client.count(where: "status = open and name = \"Waiter\"") == 2)
            #expect(try await bulk.status().state == .completed)
        }
    }

    @Test(arguments: SQLStore.available)
    func `two at once do not get in each other's way, and none touches the library's own`(_ store: SQLStore) async throws {
        let place = store.make().store
        let engines = [try await engine(place), try await engine(place)]
        let client = engines[0].client
        try await waiters(60, client)
        try await running(engines) {
            let tagged = try await client.bulk(.setAttributes(["seen": true, "half": nil]), where: Self.all, rate: 1_000, by: "ada")
            let ended = try await client.bulk(.terminate, where: .all, rate: 1_000, by: "bob")
            let (first, second) = try await (tagged.result(), ended.result())
            for progress in [first, second] {
                #expect(progress.done == 60 && progress.matched == 60 && progress.skipped == 0 && progress.failed == 0, "\(progress)")
            }
            try await eventually("all have ended") { try await client.count(where: "status = terminated") == 60 }
            #expect(try await client.count(where: "seen = true and missing half") == 60)
            #expect(try await client.bulkWork().map(\.state) == [.completed, .completed])
            #expect(try await client.bulkWork().map(\.by) == ["bob", "ada"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `a preview counts and touches nothing`(_ store: SQLStore) async throws {
        let client = try await Client(store: store.make().store, configuration: .test)
        try await waiters(7, client)
        let preview = try await client.previewBulk(.cancel, where: Self.all + " and half = 1", sample: 2)
        #expect(preview.matched == 3 && preview.sample.count == 2)
        #expect(try await client.previewBulk(.cancel, where: "all").matched == 7)
        #expect(try await client.previewBulk(.restart, where: .all).matched == 0)
        #expect(try await client.count(where: "status = queued") == 7)
        #expect(try await client.interventions(of: "waiter-1").isEmpty)
        #expect(try await client.bulkWork().isEmpty)
        await client.close()
    }

    @Test(arguments: SQLStore.available)
    func `without an engine it waits, and says so; any engine does it`(_ store: SQLStore) async throws {
        let place = store.make().store
        let client = try await Client(store: place, configuration: .test)
        try await waiters(2, client)
        let filter: WorkflowFilter = .name == "Waiter" && .started > .ago(.hours(1)) && !(.attribute("it's \"odd\"") == 1.5)
        let bulk = try await client.bulk(.cancel, where: filter, id: "x", rate: 50, by: "ada", reason: "why")
        let status = try await bulk.status()
        #expect(status.state == .queued && status.isServed == false && status.progress.matched == 0 && status.progress.expected == nil)
        #expect(status.action == .cancel && status.rate == 50 && status.by == "ada" && status.reason == "why" && status.id == "x")
        #expect(try WorkflowFilter(parsing: status.filter) != .all)
        // The same again is the same.
        let again = try await client.bulk(.cancel, where: filter, id: "x", rate: 50, by: "ada", reason: "why")
        #expect(again.id == "x")
        #expect(try await client.bulkWork().count == 1)
        let error = await #expect(throws: WorkflowError.self) {
            try await client.bulk(.terminate, where: filter, id: "x", rate: 50, by: "ada", reason: "why")
        }
        #expect(error?.code == .alreadyStarted)
        // It runs nothing, and serves this.
        let engine = try await Engine(store: place, configuration: .test) {}
        try await running([engine]) {
            #expect(try await bulk.result().done == 2)
            try await eventually("both are cancelled") { try await client.count(where: "status = cancelled") == 2 }
        }
        await client.close()
    }

    @Test(arguments: SQLStore.available)
    func `what makes no sense is an error at once`(_ store: SQLStore) async throws {
        let client = try await Client(store: store.make().store, configuration: .test)
        try await waiters(1, client)
        func code(_ body: () async throws -> BulkHandle) async -> WorkflowError.Code? {
            do {
                _ = try await body()
                return nil
            } catch {
                return (error as? WorkflowError)?.code
            }
        }
        for rate in [0, -1, .infinity, .nan] {
            #expect(await code { try await client.bulk(.cancel, where: .all, rate: rate, by: "ada") } == .invalidState)
        }
        for text in ["", "  \n", "status = faild", "all or nothing"] {
            await #expect(throws: FilterError.self) { try await client.bulk(.cancel, where: text, by: "ada") }
            await #expect(throws: FilterError.self) { try await client.previewBulk(.cancel, where: text) }
        }
        #expect(await code { try await client.bulk(.setAttributes([:]), where: .all, by: "ada") } == .invalidAttribute)
        #expect(await code { try await client.bulk(.setAttributes(["perdure.x": nil]), where: .all, by: "ada") } == .invalidAttribute)
        #expect(await code { try await client.bulk(.cancel, where: .all, by: "") } == .invalidName)
        #expect(await code { try await client.bulkHandle(id: "nobody") } == .notFound)
        #expect(await code { try await client.bulkHandle(id: "waiter-0") } == .otherType)
        #expect(await code { try await client.bulk(.cancel, where: .all, id: "waiter-0", by: "ada") } == .otherType)
        #expect(try await client.bulkWork().isEmpty)
        await client.close()
    }
}
