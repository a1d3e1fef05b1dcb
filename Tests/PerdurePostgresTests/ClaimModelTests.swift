internal import Foundation
@testable internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// Several claimers, commits out of order, rollbacks, aborted claims and crashes: everything that was committed is done, once.
@Suite(Server.isThere, .serialized, .timeLimit(.minutes(5))) struct ClaimModelTests {
    private struct World: Sendable {
        var committed: Set<WorkflowNumber> = []
        var done: [WorkflowNumber: Int] = [:]
        var producing = true
        var aborted = 0
        var crashed = 0
        var late = 0
    }

    /// Keys and priorities of a queue, so that several lanes are asked at once.
    private static let lanes = ["", "a", "b"].flatMap { key in
        (0...1).map { Lane(queue: "work", key: key, priority: $0, workflow: "flow") }
    }

    @Test(arguments: [(claimers: 3, [Lane(workflow: "flow")]), (claimers: 8, lanes)])
    func `nothing is lost, and nothing is done twice`(_ claimers: Int, _ lanes: [Lane]) async throws {
        var options = Server.options
        options.transactionConnections = 8
        try await withStore(options: options) { fixture in
            let world = Lock(World())
            _ = try await fixture.store.declare([QueueRules(Queue("work"))])
            let end = ContinuousClock.now + .seconds(5)
            try await withThrowingTaskGroup { group in
                for index in 0..<6 { group.addTask { try await produce(fixture, world, lanes, until: end, seed: UInt64(index)) } }
                for index in 0..<claimers { group.addTask { try await work(fixture, world, lanes, seed: 100 + UInt64(index)) } }
                group.addTask {
                    try await ContinuousClock().sleep(until: end + .seconds(2))
                    world.withLock { $0.producing = false }
                }
                try await group.waitForAll()
            }
            let result = world.withLock { $0 }
            #expect(Set(result.done.keys) == result.committed)
            #expect(result.done.values.allSatisfy { $0 == 1 })
            #expect(try await fixture.sql("SELECT count(*) FROM \(unsafeRaw: fixture.s).live") == [[.int(0)]])
            // Each of the hazards was there.
            #expect(result.committed.count > 100 && result.aborted > 0 && result.crashed > 0)
        }
    }

    /// Starts workflows in transactions of different length, some of which roll back.
    private func produce(
        _ fixture: Fixture, _ world: Lock<World>, _ lanes: [Lane], until end: ContinuousClock.Instant, seed: UInt64
    ) async throws {
        var random = SplitMix(state: seed)
        let clock = ContinuousClock()
        while clock.now < end {
            let block = try await fixture.store.numberBlock()
            let transaction = try await fixture.store.begin(.readCommitted, for: nil)
            var numbers: [WorkflowNumber] = []
            for index in 0..<Int.random(in: 1...6, using: &random) {
                let record = WorkflowRecord(
                    number: block.first + Int64(index), lane: lanes.randomElement(using: &random) ?? lanes[0], input: .void, created: moment
                )
                _ = try await transaction.start([(record, IDPolicies())])
                numbers.append(record.number)
                if Int.random(in: 0..<10, using: &random) < 3 {
                    try await clock.sleep(for: .milliseconds(Int.random(in: 0..<30, using: &random)))
                }
            }
            if Int.random(in: 0..<20, using: &random) == 0 {
                try await clock.sleep(for: .milliseconds(Int.random(in: 0..<1500, using: &random)))
            }
            if Int.random(in: 0..<10, using: &random) == 0 {
                await transaction.rollback()
            } else {
                // Before the commit: a claimer may be done with it before this task goes on.
                world.withLock { $0.committed.formUnion(numbers) }
                _ = try await transaction.commit(nil, hadPending: false)
            }
        }
    }

    /// Claims and finishes; now and then a claim is aborted by the fence, or the executor dies with its work.
    private func work(_ fixture: Fixture, _ world: Lock<World>, _ lanes: [Lane], seed: UInt64) async throws {
        var random = SplitMix(state: seed)
        var executor = try await fixture.executor()
        var claimer = try await fixture.store.claimer(for: executor.id)
        var hand = ClaimingHand(lanes)
        var idle = 0
        while idle < 20 {
            var claimed = try await hand.claim(claimer)
            if let suspect = try await claimer.nextSuspect(hand.repertoire) {
                claimed += try await claimer.claimSuspects(
                    hand.repertoire, crashes: suspect.crashes, now: .max, limit: 8, probation: .zero, acquitted: []
                )
                .map(\.number)
            }
            idle = claimed.isEmpty && !world.withLock { $0.producing } ? idle + 1 : 0
            let crashes = !claimed.isEmpty && Int.random(in: 0..<30, using: &random) == 0
            if crashes || Int.random(in: 0..<40, using: &random) == 0 {
                world.withLock { if crashes { $0.crashed += 1 } else { $0.aborted += 1 } }
                try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).executors SET lease_until = 0 WHERE executor = \(executor.id)")
                let rules = ReapRules(limit: 3, crashes: CrashRules(limit: .max, backoff: .zero))
                while try await fixture.store.reap(rules).more {}
                // It gets nothing more: it is refused, unless there was nothing to get.
                let more = try? await hand.claim(claimer)
                #expect((more ?? []).isEmpty)
                await claimer.close()
                await executor.writer.close()
                executor = try await fixture.executor()
                claimer = try await fixture.store.claimer(for: executor.id)
                hand = ClaimingHand(lanes)
                continue
            }
            if claimed.isEmpty {
                try await ContinuousClock().sleep(for: .milliseconds(5))
                continue
            }
            _ = try await executor.writer.commit(
                claimed.map { .finish(Outcome(workflow: $0, status: .completed, finished: moment), parent: nil) })
            world.withLock { world in for number in claimed { world.done[number, default: 0] += 1 } }
        }
        #expect(try await claimer.owned() == [])
        await claimer.close()
        await executor.writer.close()
    }

    @Test func `a claim that was rolled back is found by those who saw it`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            let records = [try await fixture.record(), try await fixture.record(), try await fixture.record()]
            _ = try await fixture.store.start(records.map { ($0, IDPolicies()) }, owner: nil)
            // Somebody else holds the first two, and lets them go after the position has passed.
            let other = try await fixture.store.begin(.readCommitted, for: nil)
            _ = try await other.query(
                "SELECT FROM \(unsafeRaw: fixture.s).live WHERE number IN (\(records[0].number), \(records[1].number)) FOR UPDATE")
            func claim() async throws -> [WorkflowNumber] {
                try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 10).map(\.number)
            }
            #expect(try await claim() == [records[2].number])
            #expect(try await claim() == [])
            await other.rollback()
            #expect(try await claim() == [records[0].number, records[1].number])
            await claimer.close()
        }
    }

    @Test func `rows of a dump from a server that was further on do not hide new ones`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            func claim() async throws -> [WorkflowNumber] {
                try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 10).map(\.number)
            }
            let (old, new) = (try await fixture.record(), try await fixture.record())
            _ = try await fixture.store.start([(old, IDPolicies())], owner: nil)
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).live SET tx = '999999999999'")
            #expect(try await claim() == [old.number])
            _ = try await fixture.store.start([(new, IDPolicies())], owner: nil)
            #expect(try await claim() == [new.number])
            await claimer.close()
        }
    }
}

/// Claims as an engine does that serves these lanes: it remembers where there was something, and asks all of that at once.
private struct ClaimingHand {
    let repertoire: Repertoire
    private var dispatcher = Dispatcher()

    init(_ lanes: [Lane]) {
        let queues = Set(lanes.map(\.queue))
        repertoire = Repertoire(workflows: ["flow"], versions: [""], queues: queues)
        dispatcher.configure(queues.filter { !$0.isEmpty }.map { QueueRow(declared: QueueRules(Queue($0))) })
    }

    mutating func claim(_ claimer: any Claimer) async throws -> [WorkflowNumber] {
        dispatcher.learn(try await claimer.scout(repertoire))
        guard let request = dispatcher.plan(room: 8, now: .now, time: moment) else { return [] }
        let claimed = dispatcher.apply(try await claimer.claim(request), to: request, now: .now).map(\.number)
        // Only what limits there are would have to know of them for longer.
        for number in claimed { _ = dispatcher.left(number) }
        return claimed
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
