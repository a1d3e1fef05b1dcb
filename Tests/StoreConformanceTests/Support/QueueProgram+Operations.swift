internal import Perdure
internal import Testing

// What clients and operators do.
extension QueueProgram {
    mutating func enqueue() async throws {
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let record = try await record()
            var deduplication: StoredDeduplication?
            if chance(1, of: 3) {
                let policies: [DeduplicationPolicy] = [.reject, .useExisting, .replace, .cancelExisting]
                deduplication = StoredDeduplication(key: any(["x", "y"]) ?? "", policy: any(policies) ?? .reject)
            }
            note(
                "enqueue \(record.number.brief) \(record.lane) due \(record.due as Any) \(deduplication.map { "\($0.key) \($0.policy)" } ?? "")"
            )
            let result = try await fixture.start(record, IDPolicies(deduplication: deduplication))
            let expected = model.enqueue(record, deduplication)
            if result != expected { throw model.broken("\(record.number) is \(result) instead of \(expected)") }
        }
    }

    mutating func changeLimits() async throws {
        guard let queue = any(queues) else { return }
        let limits = limits()
        note("limits of \(queue): \(limits.text)")
        _ = try await fixture.backend.changeQueue(queue, .limits(limits))
        model.setLimits(queue, limits)
        // Some hear of it later.
        if Bool.random(using: &random) { for index in engines.indices { try await engines[index].readQueues(model.operation) } }
    }

    mutating func pause() async throws {
        guard let queue = any(queues) else { return }
        try await setPaused(queue, model.rules[queue]?.isPaused == false)
    }

    mutating func setPaused(_ queue: String, _ isPaused: Bool) async throws {
        note("\(queue) is paused: \(isPaused)")
        _ = try await fixture.backend.changeQueue(queue, isPaused ? .pause(reason: nil) : .resume)
        model.pause(queue, isPaused)
    }

    /// A transaction that stays open: it has started something, or holds rows of what waits.
    mutating func hold() async throws {
        // On SQLite everybody would wait for it.
        guard fixture.kind != .sqlite else { return }
        if let index = open.indices.first(where: { _ in true }), open.count > 1 || chance(1, of: 2) {
            return try await settle(index, commits: chance(3, of: 4))
        }
        let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
        if let prefix = fixture.kind == .postgres ? fixture.viewPrefix : nil, chance(1, of: 2) {
            return try await lock(transaction, prefix)
        }
        let record = try await record()
        note("an open transaction starts \(record.number.brief) \(record.lane)")
        let result = try await transaction.start([(record, IDPolicies())])
        if result != [model.enqueue(record, nil, isCommitted: false)] { throw model.broken("\(record.number) is \(result)") }
        open.append((transaction, [record.number], []))
    }

    private mutating func lock(_ transaction: any OpenTransaction, _ prefix: String) async throws {
        let nobodys = model.numbers { item in
            // Who else deduplicates would wait for it.
            if item.isDeduplicated { return false }
            if case .waiting = item.phase { return !item.isLocked }
            return item.phase == .ready && !item.isLocked
        }
        let held = Array(nobodys.shuffled(using: &random).prefix(2))
        note("a transaction holds \(held.map(\.brief))")
        for number in held {
            _ = try await transaction.query("SELECT number FROM \(unsafeRaw: prefix)live WHERE number = \(number) FOR UPDATE")
            model.lock(number, true)
        }
        open.append((transaction, [], held))
    }

    mutating func settle(_ index: Int, commits: Bool) async throws {
        let (transaction, started, held) = open.remove(at: index)
        note("a transaction \(commits ? "commits" : "rolls back") \(started.map(\.brief)) \(held.map(\.brief))")
        if commits { _ = try await transaction.commit(nil, hadPending: false) } else { await transaction.rollback() }
        for number in started where commits { model.commit(number) }
        for number in held { model.lock(number, false) }
    }

    /// Cancels some, and lets somebody look at what has arrived.
    mutating func arrive() async throws {
        let open = model.numbers { $0.isOpen && !$0.isLocked }
        let cancelled = open.filter { _ in Int.random(in: 0..<8, using: &random) == 0 }
        let looked = open.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
        let index = Int.random(in: 0..<engines.count, using: &random)
        note("cancel \(cancelled.map(\.brief))")
        try await fixture.backend.deliver(cancelled.map { cancel($0) })
        for number in cancelled { model.change(number) { $0.isCancelled = true } }
        try await look(at: looked, index)
    }

    /// What waits for nothing but others.
    mutating func wakeForever() async throws {
        try await look(at: model.numbers { $0.phase == .waiting(.max) }, 0)
    }

    private mutating func look(at looked: [WorkflowNumber], _ index: Int) async throws {
        let executor = engines[index].executor
        note("\(executor.id.brief) looks at \(looked.map(\.brief))")
        try await engines[index].readQueues(model.operation)
        let expected = looked.filter { number in
            guard let item = model.items[number] else { return false }
            if case .waiting = item.phase { return true }
            return item.isCancelled && item.isFresh
        }
        let claimed = try await executor.claimer.claimArrived(looked, engines[index].repertoire)
        try model.woken(claimed, of: expected, engines[index].repertoire, by: executor.id)
        try await adopt(claimed, index)
    }
}

// What engines do.
extension QueueProgram {
    mutating func claim(together: Bool) async throws {
        skew += .milliseconds(Int.random(in: 0...30, using: &random))
        let indices = together ? Array(engines.indices) : [Int.random(in: 0..<engines.count, using: &random)]
        try await claim(indices, room: any([1, 2, 5, 50]) ?? 1, scouts: chance(4, of: 5))
    }

    mutating func claim(_ indices: [Int], room: Int, scouts: Bool) async throws {
        let (operation, now, time, skew) = (model.operation, ContinuousClock.now, model.now, skew)
        let claiming = indices.map { engines[$0] }
        let claimed = try await withThrowingTaskGroup(of: (Int, ModelEngine).self) { group in
            for (index, engine) in zip(indices, claiming) {
                group.addTask {
                    var engine = engine
                    if scouts { try await engine.scout(operation, now + skew) }
                    try await engine.claim(room: room, time: time, later: skew)
                    return (index, engine)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let before = model.items
        for (index, engine) in claimed.sorted(by: { $0.0 < $1.0 }) {
            engines[index] = engine
            try enter(engine)
        }
        for (_, engine) in claimed { try checkOrder(of: engine, before) }
        guard indices.count == 1, let engine = claimed.first?.1, engine.hasAskedForAll, engine.informed >= model.changed else { return }
        // What came with the last operations is seen only by who looks.
        if scouts { try model.checkNothingLeft(engine.queues, scouted: engine.scouted - 1) }
    }

    private mutating func enter(_ engine: ModelEngine) throws {
        for round in engine.rounds {
            for (ask, answer) in zip(round.request.asks, round.report.answers) {
                note(
                    """
                    \(engine.executor.id.brief) claims \(answer.claimed.map(\.number.brief)) of \(ask.queue) '\(ask.key)' \
                    \(ask.isReturned ? "returned " : "")\(ask.priority) \(ask.lanes) \(ask.limit)\(answer.hasMore ? ", more" : "")\
                    \(answer.shortOf.map { " short of \($0.queue) \($0.key ?? "all")" } ?? "")\(round.report.stale.isEmpty ? "" : " stale")
                    """)
            }
            if !round.report.taken.isEmpty || !round.report.nextTokens.isEmpty {
                note(
                    "took \(round.report.taken.map { "\($0.limit.queue) \($0.limit.key ?? "all") \($0.index)" }) \(round.report.nextTokens.values)"
                )
            }
            for (ask, answer) in zip(round.request.asks, round.report.answers) {
                for one in answer.claimed { try model.claimed(one, ask, by: engine.executor.id, round.moments) }
            }
        }
    }

    private func checkOrder(of engine: ModelEngine, _ before: [WorkflowNumber: QueueModel.Item]) throws {
        let claimed = engine.rounds.flatMap(\.report.answers).flatMap(\.claimed).compactMap { before[$0.number] }
        try model.checkOrder(of: claimed, scouted: engine.scouted - 1)
    }

    mutating func claimBlindly() async throws {
        let index = Int.random(in: 0..<engines.count, using: &random)
        note("the reply of the next claim is lost")
        let before = model.items
        try await engines[index].claimBlindly(room: 3, time: model.now, later: skew)
        try enter(engines[index])
        try checkOrder(of: engines[index], before)
    }

    mutating func finish() async throws {
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            if let number = any(model.numbers { item in engines.contains { $0.executor.id == item.owner } }) { try await finish(number) }
        }
    }

    mutating func finish(_ number: WorkflowNumber) async throws {
        guard let item = model.items[number], let index = engines.firstIndex(where: { $0.executor.id == item.owner }) else { return }
        note("\(number.brief) ends")
        let status = item.runner == nil ? OutcomeStatus.cancelled : any([.completed, .completed, .failed]) ?? .completed
        try await engines[index].executor.commit(.finish(outcome(number, status), parent: nil, place: QueuePlace(item.lane)))
        model.end(number)
        engines[index].left(number)
    }

    mutating func suspend() async throws {
        guard let (number, index) = running() else { return }
        let due = chance(1, of: 4) ? .max : model.now + Int64.random(in: 0...5, using: &random) * 1_000_000
        note("\(number.brief) waits until \(due)")
        try await engines[index].executor.commit(.suspend(number, due: due))
        model.suspend(number, until: due)
        engines[index].left(number)
    }

    mutating func release() async throws {
        guard let (number, index) = running() else { return }
        note("\(number.brief) is handed back")
        try await engines[index].executor.commit(.release(number))
        model.giveBack(number, hasCrashed: false)
        engines[index].left(number)
    }

    private mutating func running() -> (WorkflowNumber, Int)? {
        let running = model.numbers { item in engines.contains { $0.executor.id == item.runner } }
        guard let number = any(running), let index = engines.firstIndex(where: { $0.executor.id == model.items[number]?.runner }) else {
            return nil
        }
        return (number, index)
    }

    mutating func wake() async throws {
        model.now += Int64.random(in: 0...3, using: &random) * 1_000_000
        let index = Int.random(in: 0..<engines.count, using: &random)
        try await engines[index].readQueues(model.operation)
        try await wake(index)
    }

    mutating func wake(_ index: Int) async throws {
        let executor = engines[index].executor
        let due = model.numbers { item in
            if case .waiting(let due) = item.phase { return due <= model.now && !item.isLocked }
            return false
        }
        note("\(executor.id.brief) wakes \(due.map(\.brief))")
        let claimed = try await executor.claimer.claimDue(engines[index].repertoire, now: model.now, limit: 99)
        // What is cancelled meanwhile is no concern of this claim.
        let cancelled = model.numbers { $0.isCancelled }
        for number in cancelled { model.change(number) { $0.isCancelled = false } }
        try model.woken(claimed, of: due, engines[index].repertoire, by: executor.id)
        for number in cancelled { model.change(number) { $0.isCancelled = true } }
        try await adopt(claimed, index)
    }

    private mutating func adopt(_ claimed: [Claimed], _ index: Int) async throws {
        let direct = claimed.filter { model.items[$0.number]?.runner == engines[index].executor.id }.map(\.number)
        for loaded in try await fixture.backend.load(direct, limit: 1) { engines[index].adopt(loaded.record, later: skew) }
    }

    mutating func expire() async throws { try await expire(Int.random(in: 0..<engines.count, using: &random)) }

    mutating func expire(_ index: Int) async throws {
        let executor = engines[index].executor
        let expected = model.numbers { $0.isFresh && !$0.isLocked && $0.expires ?? .max <= model.now }
        note("\(executor.id.brief) ends \(expected.map(\.brief)), which have expired")
        let claimed = try await executor.claimer.claimExpired(now: model.now, limit: 99).map(\.number)
        if claimed.sorted() != expected { throw model.broken("\(claimed) have expired instead of \(expected)") }
        for number in claimed { model.endUnrun(number, by: executor.id) }
    }

    mutating func freeSurplus() async throws {
        skew += .milliseconds(Int.random(in: 0...1500, using: &random))
        note("surplus slots are freed")
        for index in engines.indices { try await engines[index].freeSurplus(later: skew) }
    }
}

// Engines that end.
extension QueueProgram {
    mutating func crash() async throws {
        let index = Int.random(in: 0..<engines.count, using: &random)
        let executor = engines[index].executor
        let dies = chance(2, of: 3)
        note("\(executor.id.brief) \(dies ? "dies" : "retires")")
        if dies {
            try await fixture.backend.renew(executor.id, lease: .microseconds(1))
            // What it had is returned later, by and by.
            try await fixture.reap(executor)
            model.die(executor.id)
        } else {
            try await fixture.backend.retire(executor.id)
            for number in model.numbers({ $0.owner == executor.id }) { model.giveBack(number, hasCrashed: false) }
        }
        await executor.writer.close()
        await executor.claimer.close()
        engines[index] = try await engine(index)
    }

    mutating func reap() async throws { _ = try await reapSome(Int.random(in: 1...3, using: &random)) }

    /// Returns some of what the dead had; true if there is more.
    mutating func reapSome(_ limit: Int) async throws -> Bool {
        let rules = ReapRules(limit: limit, crashes: CrashRules(limit: 1_000, backoff: .zero))
        let dead = model.numbers { item in item.owner.map { owner in !engines.contains { $0.executor.id == owner } } ?? false }
        let report = try await fixture.backend.reap(rules)
        let back = try await fixture.statuses(dead).filter { $0.live != .owned }.map(\.record.number)
        note("\(back.map(\.brief)) of \(dead.map(\.brief)) are taken from the dead")
        guard back.count == min(limit, dead.count), report.returned == back.count else {
            throw model.broken("\(report) of \(dead) instead of \(limit)")
        }
        for number in back { model.giveBack(number, hasCrashed: true) }
        return report.more
    }

    mutating func claimSuspects() async throws {
        let executor = engines[0].executor
        try await engines[0].readQueues(model.operation)
        guard let next = try await executor.claimer.nextSuspect(engines[0].repertoire) else {
            if let item = model.items.values.first(where: { $0.phase == .suspect }) { throw model.broken("no suspect is seen", item) }
            return
        }
        let suspects = model.numbers { $0.phase == .suspect && $0.crashes == next.crashes }
        let claimed = try await executor.claimer.claimSuspects(
            engines[0].repertoire, crashes: next.crashes, now: .max, limit: 99, probation: .zero, acquitted: [])
        note("suspects \(suspects.map(\.brief)) are tried again")
        try model.woken(claimed, of: suspects, engines[0].repertoire, by: executor.id)
        try await adopt(claimed, 0)
    }
}
