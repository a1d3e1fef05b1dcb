@testable internal import Perdure

/// As much of an engine as claims: the real dispatcher over a claimer of the store.
struct ModelEngine: Sendable {
    /// A claim, what it got, and between which moments.
    struct Round: Sendable {
        var request: ClaimRequest
        var report: ClaimReport
        var moments: ClosedRange<ContinuousClock.Instant>
    }

    let executor: TestExecutor
    let queues: Set<String>
    private(set) var repertoire: Repertoire
    private var dispatcher = Dispatcher()
    /// In which operation it has last looked for all lanes.
    private(set) var scouted = -1
    /// In which operation it has last read what its queues are.
    private(set) var informed = 0
    /// The last claims ended because there was nothing more to ask for.
    private(set) var hasAskedForAll = false
    private(set) var rounds: [Round] = []

    init(_ fixture: Fixture, queues: Set<String>) async throws {
        self.queues = queues
        repertoire = Repertoire(workflows: ["flow", "other"], versions: [""], queues: queues)
        executor = try await fixture.executor(serving: repertoire)
    }

    mutating func readQueues(_ operation: Int) async throws {
        informed = operation
        let rows = try await executor.backend.queueRows(queues.sorted())
        repertoire.limited = Set(rows.filter(\.rules.isLimited).map(\.name))
        dispatcher.configure(rows)
    }

    mutating func scout(_ operation: Int, _ now: Instant) async throws {
        repeat { dispatcher.learn(try await executor.claimer.scout(repertoire)) } while executor.claimer.hasMoreToScout
        dispatcher.unblockAll(now: now)
        scouted = operation
    }

    /// Claims again and again, with room for so many, until nothing more is to be had.
    mutating func claim(room: Int, time: Microseconds, later skew: Duration) async throws {
        (rounds, hasAskedForAll) = ([], false)
        var room = room
        while room > 0, rounds.count < 100 {
            let begin = ContinuousClock.now
            guard let request = dispatcher.plan(room: room, now: begin + skew, time: time) else {
                hasAskedForAll = true
                return
            }
            let report = try await executor.claimer.claim(request)
            let end = ContinuousClock.now
            rounds.append(Round(request: request, report: report, moments: begin...end))
            room -= dispatcher.apply(report, to: request, now: end + skew).count { $0.isServed && $0.due == nil }
            if !report.stale.isEmpty { try await readQueues(informed) }
        }
    }

    /// One claim whose reply is lost: what it got is found afterwards.
    mutating func claimBlindly(room: Int, time: Microseconds, later skew: Duration) async throws {
        let begin = ContinuousClock.now
        rounds = []
        guard let request = dispatcher.plan(room: room, now: begin + skew, time: time) else { return }
        let report = try await executor.claimer.claim(request)
        rounds = [Round(request: request, report: report, moments: begin...ContinuousClock.now)]
        executor.claimer.reset()
        dispatcher.settle(try await executor.claimer.slots(), now: ContinuousClock.now + skew)
        for loaded in try await executor.backend.load(try await executor.claimer.owned(), limit: 1) { adopt(loaded.record, later: skew) }
    }

    /// It came another way than by a claim of its lane.
    mutating func adopt(_ record: WorkflowRecord, later skew: Duration) {
        dispatcher.adopt(record.number, record.lane, now: ContinuousClock.now + skew)
    }

    mutating func left(_ number: WorkflowNumber) { _ = dispatcher.left(number) }

    mutating func freeSurplus(later skew: Duration) async throws {
        let surplus = dispatcher.surplus(now: ContinuousClock.now + skew)
        if !surplus.isEmpty { try await executor.claimer.free(surplus) }
    }
}
