internal import Perdure
internal import Testing

/// What tests of queues ask of a store.
extension Fixture {
    /// The queue that nearly all of them use.
    static let queue = "work"

    /// Declares a queue; its row.
    @discardableResult
    func declare(_ queue: Queue = Queue(Fixture.queue)) async throws -> QueueRow {
        _ = try await backend.declare([QueueRules(queue)])
        return try #require(try await backend.queueRows([queue.name]).first)
    }

    func queued(
        key: String = "", priority: Int16 = 0, queue: String = Fixture.queue, name: String = "flow", due: Microseconds? = nil,
        expires: Microseconds? = nil
    ) async throws -> WorkflowRecord {
        var record = try await record(lane: Lane(queue: queue, key: key, priority: priority, workflow: name), due: due)
        record.expires = expires
        return record
    }

    func start(_ record: WorkflowRecord, _ policies: IDPolicies = IDPolicies()) async throws -> StartResult {
        try #require(try await backend.start([(record, policies)], owner: nil).first)
    }

    /// Puts some into a queue, each in a transaction of its own.
    func enqueue(
        _ count: Int = 1, key: String = "", priority: Int16 = 0, queue: String = Fixture.queue, name: String = "flow",
        due: Microseconds? = nil, expires: Microseconds? = nil
    ) async throws -> [WorkflowNumber] {
        var numbers: [WorkflowNumber] = []
        for _ in 0..<count {
            let record = try await queued(key: key, priority: priority, queue: queue, name: name, due: due, expires: expires)
            #expect(try await start(record) == .started(owned: false))
            numbers.append(record.number)
        }
        return numbers
    }
}

extension Fixture {
    /// All rows of a view, by the names of its columns.
    func rows(of view: String, orderedBy column: String) async throws -> [[String: SQLValue]] {
        let name = try #require(viewPrefix) + view
        let transaction = try await backend.begin(.readCommitted, for: nil)
        let rows = try await transaction.query("SELECT * FROM \(unsafeRaw: name) ORDER BY \(unsafeRaw: column)")
        await transaction.rollback()
        return rows.rows.map { Dictionary(uniqueKeysWithValues: zip(rows.columns, $0)) }
    }
}

extension Repertoire {
    /// Of an engine that serves the queue of the tests, and what is in none.
    static let queued = Repertoire(workflows: ["flow", "other"], versions: [""], queues: ["", Fixture.queue, "second"])
}

extension TestExecutor {
    /// Where something is ready, after a look at everything.
    func lanes(queue: String = Fixture.queue, key: String = "", isReturned: Bool = false) async throws -> [ReadyLane] {
        claimer.reset()
        let found = try await claimer.scout(.queued)
        return found.filter { $0.lane.queue == queue && $0.lane.key == key && $0.isReturned == isReturned }
    }

    func ask(
        _ limit: Int, queue: String = Fixture.queue, key: String = "", isReturned: Bool = false, slots: [LimitID] = [],
        rates: [LimitID] = [], holdsUntilEnd: Bool = false
    ) async throws -> ClaimAsk {
        ClaimAsk(
            lanes: try await lanes(queue: queue, key: key, isReturned: isReturned).map(\.number), isReturned: isReturned, queue: queue,
            key: key, limit: limit, slots: slots, rates: rates, holdsUntilEnd: holdsUntilEnd)
    }

    func claim(
        _ asks: [ClaimAsk], slots: [SlotWish] = [], rates: [RateWish] = [], revisions: [String: Int64] = [:],
        now: Microseconds = Fixture.moment
    ) async throws -> ClaimReport {
        let report = try await claimer.claim(
            ClaimRequest(asks: asks, revisions: revisions, slots: slots, rates: rates, now: now))
        #expect(report.answers.count == asks.count)
        return report
    }

    /// As an engine claims from a queue with one limit, which each workflow holds while it runs, or until its end.
    func claim(
        _ limit: Int, of slots: SlotWish, key: String = "", holdsUntilEnd: Bool = false
    ) async throws -> ClaimReport {
        try await claim([try await ask(limit, key: key, slots: [slots.limit], holdsUntilEnd: holdsUntilEnd)], slots: [slots])
    }

    func finish(_ number: WorkflowNumber, _ status: OutcomeStatus = .completed, key: String = "") async throws {
        let place = QueuePlace(queue: Fixture.queue, key: key)
        #expect(try await commit(.finish(outcome(number, status), parent: nil, place: place)).isDone)
    }
}

extension ClaimReport {
    /// Of the only ask, or the first.
    var numbers: [WorkflowNumber] { answers.first?.claimed.map(\.number) ?? [] }
    var all: [WorkflowNumber] { answers.flatMap(\.claimed).map(\.number) }
}
