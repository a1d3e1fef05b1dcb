internal import Perdure
internal import Testing

/// Does random things to queues of a store, and to a model of them.
struct QueueProgram {
    let fixture: Fixture
    var random: SeededRandom
    var model = QueueModel()
    var engines: [ModelEngine] = []
    /// How far the engines' clocks are ahead.
    var skew = Duration.zero
    /// Transactions with what they have started, and with what they hold.
    var open: [(transaction: any OpenTransaction, started: [WorkflowNumber], held: [WorkflowNumber])] = []
    var trace: [String] = []
    let queues = ["one", "two", "three"]
    private let letters = ["", "a", "b"]

    init(seed: UInt64, _ fixture: Fixture) async throws {
        self.fixture = fixture
        random = SeededRandom(state: seed)
        for name in queues { try await declare(name) }
        for index in 0..<3 { engines.append(try await engine(index)) }
    }

    mutating func chance(_ one: Int, of all: Int) -> Bool { Int.random(in: 0..<all, using: &random) < one }

    mutating func any<Value>(_ values: [Value]) -> Value? { values.randomElement(using: &random) }

    mutating func note(_ line: String) { trace.append("\(model.operation): \(line)") }

    // MARK: What there is

    private mutating func declare(_ name: String) async throws {
        let limits = limits()
        let queue = Queue(
            name, concurrency: limits.concurrency, perEngine: limits.perEngine, perKey: limits.perKey, rateLimit: limits.rateLimit,
            rateLimitPerKey: limits.rateLimitPerKey, slots: Bool.random(using: &random) ? .whileRunning : .untilEnd)
        _ = try await fixture.backend.declare([QueueRules(queue)])
        model.declare(queue)
        note("queue \(QueueRules(queue).text)")
    }

    mutating func limits() -> QueueLimits {
        if chance(1, of: 5) { return QueueLimits() }
        let rates: [RateLimit?] = [nil, nil, nil, RateLimit(2, per: .milliseconds(20)), RateLimit(4, per: .milliseconds(30))]
        return QueueLimits(
            concurrency: any([nil, 1, 2, 4]) ?? nil, perEngine: any([nil, nil, 1, 3]) ?? nil, perKey: any([nil, nil, 1, 2]) ?? nil,
            rateLimit: any(rates) ?? nil, rateLimitPerKey: any(rates) ?? nil)
    }

    /// The first serves all queues, so that everything can end.
    mutating func engine(_ index: Int) async throws -> ModelEngine {
        let served = index == 0 ? queues : queues.filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
        var engine = try await ModelEngine(fixture, queues: Set(served))
        try await engine.readQueues(model.operation)
        note("engine \(index) is \(engine.executor.id.brief), and serves \(served)")
        return engine
    }

    /// Some workflow for some queue.
    mutating func record() async throws -> WorkflowRecord {
        let due: Microseconds? = chance(1, of: 8) ? model.now + Int64.random(in: -1...9, using: &random) * 1_000_000 : nil
        var record = try await fixture.queued(
            key: any(letters) ?? "", priority: any([0, 0, 1, 5]) ?? 0, queue: any(queues) ?? "",
            name: any(["flow", "flow", "other"]) ?? "",
            due: due)
        record.input = .text("\(record.number)")
        record.created = model.now
        if chance(1, of: 8) { record.expires = (due ?? model.now) + Int64.random(in: 1...9, using: &random) * 1_000_000 }
        return record
    }

    // MARK: - A step

    mutating func step() async throws {
        model.operation += 1
        do {
            try await operate()
            try model.checkLimits()
            try await compareOwned()
            if model.operation % 10 == 0 { try await compareAll() }
        } catch {
            await dump()
            throw BrokenPromise(what: "\((error as? BrokenPromise)?.what ?? "\(error)")", trace: trace)
        }
    }

    mutating func dump() async {
        for table in ["live", "slots", "rates"] {
            guard let prefix = fixture.viewPrefix, let t = try? await fixture.backend.begin(.readCommitted, for: nil) else { return }
            let rows = try? await t.query("SELECT * FROM \(unsafeRaw: prefix)\(unsafeRaw: table)")
            for row in rows?.rows ?? [] { note("DUMP \(table) \(row)".replacing("Perdure.SQLValue.", with: "")) }
            await t.rollback()
        }
    }

    private mutating func operate() async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<24: try await enqueue()
        case 24..<44: try await claim(together: false)
        case 44..<48: try await claim(together: true)
        case 48..<50: try await claimBlindly()
        case 50..<67: try await finish()
        case 67..<72: try await suspend()
        case 72..<77: try await wake()
        case 77..<79: try await expire()
        case 79..<81: try await arrive()
        case 81..<84: try await release()
        case 84..<87: try await crash()
        case 87..<89: try await reap()
        case 89..<91: try await claimSuspects()
        case 91..<93: try await changeLimits()
        case 93..<95: try await pause()
        case 95..<97: try await freeSurplus()
        default: try await hold()
        }
    }

    private func compareOwned() async throws {
        for engine in engines {
            let (id, owned) = (engine.executor.id, try await engine.executor.claimer.owned())
            let expected = model.numbers { $0.owner == id }
            if owned.sorted() != expected { throw model.broken("engine \(id) has \(owned) instead of \(expected)") }
        }
    }

    /// Every state of every workflow.
    private func compareAll() async throws {
        for item in model.items.values where item.phase != .uncommitted {
            guard let status = try await fixture.backend.status(of: item.number) else { throw model.broken("it is lost", item) }
            let (live, due): (LiveState?, Microseconds?) =
                switch item.phase {
                case .ready, .uncommitted: (.ready, status.due)
                case .waiting(let due): (.waiting, due == .max ? nil : due)
                case .running, .ending: (.owned, status.due)
                case .suspect: (.suspect, status.due)
                case .ended: (nil, nil)
                }
            let shown = status.due == .max ? nil : status.due
            guard status.live == live, shown == (due == .max ? nil : due), status.executor == item.owner,
                (status.outcome != nil) == (item.phase == .ended), status.record.input == item.input
            else { throw model.broken("the store says \(status)", item) }
        }
    }

    // MARK: - The end

    /// All that was started ends, and nothing of it is left.
    mutating func drain() async throws {
        do {
            model.operation += 1
            note("the end")
            for (index, _) in open.enumerated().reversed() { try await settle(index, commits: true) }
            for queue in queues where model.rules[queue]?.isPaused == true { try await setPaused(queue, false) }
            for round in 0..<400 where model.items.values.contains(where: \.isOpen) {
                model.operation += 1
                model.now += 1_000_000
                skew += .seconds(2)
                try await drainOnce()
                // Where a rate is the reason.
                if round > 20 { try await Task.sleep(for: .milliseconds(2)) }
            }
            if let item = model.items.values.first(where: \.isOpen) {
                throw model.broken("it does not end", item)
            }
            try await compareAll()
            try await checkSlots()
        } catch {
            await dump()
            throw BrokenPromise(what: "\((error as? BrokenPromise)?.what ?? "\(error)")", trace: trace)
        }
    }

    private mutating func drainOnce() async throws {
        while try await reapSome(99) {}
        try await claimSuspects()
        try await wakeForever()
        for index in engines.indices {
            try await engines[index].readQueues(model.operation)
            try await expire(index)
            try await wake(index)
            try await claim([index], room: 99, scouts: true)
            try model.checkLimits()
            for number in model.numbers({ $0.owner == engines[index].executor.id }) { try await finish(number) }
            try await engines[index].freeSurplus(later: skew)
        }
    }

    /// Every slot is free again.
    private mutating func checkSlots() async throws {
        // Of what others have taken they know nothing.
        for index in engines.indices { try await claim([index], room: 99, scouts: true) }
        skew += .seconds(5)
        for index in engines.indices { try await engines[index].freeSurplus(later: skew) }
        for queue in queues {
            for limit in [LimitID(queue: queue)] + letters.map({ LimitID(queue: queue, key: $0) }) {
                let ask = ClaimAsk(lanes: [], queue: queue, key: limit.key ?? "", limit: 9, slots: [limit])
                let executor = engines[0].executor
                let report = try await executor.claim([ask], slots: [SlotWish(limit: limit, capacity: 9, wanted: 9)])
                if report.taken.count != 9 { throw model.broken("slots of \(limit) are left: only \(report.taken) were free") }
                try await executor.claimer.free(report.taken)
            }
        }
    }
}
