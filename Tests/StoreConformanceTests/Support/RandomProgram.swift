internal import Perdure
internal import PerdureMemory
internal import Testing

/// SplitMix64: the same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Does the same random things to a store and to the in-memory store, which must show the same after each.
///
/// Within a batch it keeps to what an engine does: a workflow's hand-back or end is its last command, nobody delivers to a workflow that
/// the same batch starts, and only the owner makes progress with what has crashed.
struct RandomProgram {
    private let subject: any StoreBackend
    private let model: any StoreBackend
    private var random: SeededRandom
    private let numbers: [WorkflowNumber]
    private let ids: [String]
    private let keys = ["a", "b", "c", "d"]
    private var executors: [(ExecutorID, [TestExecutor])] = []
    private(set) var trace: [String] = []

    init(seed: UInt64, subject: any StoreBackend) async throws {
        random = SeededRandom(state: seed)
        self.subject = subject
        model = try await Store.memory().open(StoreSettings())
        numbers = (1...8).map { WorkflowNumber(seed * 100) + $0 }
        ids = ["x \(seed)", "y \(seed)"]
        for _ in 0..<2 { executors.append(try await register()) }
    }

    private mutating func register() async throws -> (ExecutorID, [TestExecutor]) {
        let id = ExecutorID.random(in: 1...ExecutorID.max, using: &random)
        var both: [TestExecutor] = []
        for backend in [subject, model] {
            try await backend.register(id, label: "random", lease: .seconds(600))
            let (writer, claimer) = (try await backend.writer(0, for: id), try await backend.claimer(for: id))
            both.append(TestExecutor(id: id, backend: backend, writer: writer, claimer: claimer))
        }
        return (id, both)
    }

    func close() async { await model.close() }

    // MARK: - Comparing

    private func same<Value: Equatable>(_ what: String, _ body: (_ index: Int, any StoreBackend) async throws -> Value) async throws {
        let (left, right) = (try await body(0, subject), try await body(1, model))
        if left != right { throw Different(what: what, subject: "\(left)", model: "\(right)", trace: trace) }
    }

    struct Different: Error, CustomStringConvertible {
        var what: String
        var subject: String
        var model: String
        var trace: [String]
        var description: String { "\(what): \(subject)\n is not \(model)\n after \(trace.suffix(12).joined(separator: "\n       "))" }
    }

    /// Everything that a store shows, with the sequences of inboxes left out.
    private func compare() async throws {
        let pictures = (try await picture(of: subject), try await picture(of: model))
        for (left, right) in zip(pictures.0, pictures.1) where left != right {
            throw Different(what: "the picture", subject: left, model: right, trace: trace)
        }
        for (_, both) in executors {
            try await same("owned") { index, _ in try await both[index].claimer.owned().sorted() }
            try await same("next due") { index, _ in try await both[index].claimer.nextDue() }
        }
    }

    private func picture(of backend: any StoreBackend) async throws -> [String] {
        var lines: [String] = []
        for number in numbers {
            guard let status = try await backend.status(of: number), let loaded = try await backend.load([number], limit: 99).first
            else {
                lines += Array(repeating: "\(number) is not there", count: 5)
                continue
            }
            // When a suspect is tried again depends on the moment of the crash.
            let due = status.live == .owned || status.live == .suspect || status.due == .max ? nil : status.due
            lines.append("\(status.record) \(status.live as Any) \(status.executor as Any) \(due as Any) \(status.crashes)")
            lines.append("  \(status.reason as Any) \(status.outcome as Any) \(Set(status.pending) == Set(loaded.pending))")
            lines.append("  \(loaded.history) \(loaded.unordered.sorted { $0.key < $1.key })")
            lines.append("  \(loaded.pending.sorted { $0.key < $1.key })")
            lines.append("  \(loaded.inbox.map { "\($0.kind) \($0.reference as Any) \($0.payload as Any)" })")
        }
        for id in ids { lines.append("\(try await backend.number(ofID: id) as Any)") }
        return lines
    }

    // MARK: - Acting

    mutating func step() async throws {
        switch Int.random(in: 0..<13, using: &random) {
        case 0...4: try await batch()
        case 5: try await claimReady()
        case 6: try await claimOthers()
        case 7: try await clientStart()
        case 8: try await clientDeliver()
        case 9: try await transaction()
        case 10: try await operate()
        case 11: try await claimSuspects()
        default: try await leave()
        }
        try await compare()
    }

    private mutating func number() -> WorkflowNumber { numbers[Int.random(in: 0..<numbers.count, using: &random)] }
    private mutating func key() -> String { keys[Int.random(in: 0..<keys.count, using: &random)] }
    private mutating func who() -> (ExecutorID, [TestExecutor]) { executors[Int.random(in: 0...1, using: &random)] }

    private func record(_ number: WorkflowNumber) -> WorkflowRecord {
        // A number is one workflow's: whoever starts it starts the same.
        let id: String? = number % 100 > 5 ? ids[0] : number % 100 > 3 ? ids[1] : nil
        let due = number % 3 == 0 ? Fixture.future : nil
        return WorkflowRecord(number: number, id: id, lane: Lane(workflow: "flow"), input: .void, created: Fixture.moment, due: due)
    }

    private mutating func batch() async throws {
        let (id, both) = who()
        var batch: [Command] = []
        var started: Set<WorkflowNumber> = []
        var told: Set<WorkflowNumber> = []
        for number in numbers.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random)) {
            let status = try await model.status(of: number)
            if status == nil, record(number).id == nil, !told.contains(number), Bool.random(using: &random) {
                started.insert(number)
                batch.append(.start(record(number)))
            } else if status?.executor == id || ((status?.crashes ?? 0) == 0 && Int.random(in: 0..<4, using: &random) == 0) {
                for _ in 0..<Int.random(in: 0...3, using: &random) { batch.append(middle(number, isOwned: status?.executor == id)) }
                guard let last = last(number, started) else { continue }
                batch.append(last)
                if case .finish(_, let parent, let inbox, _) = last { told.formUnion(inbox.map(\.workflow) + (parent.map { [$0] } ?? [])) }
            }
        }
        let sent = batch
        trace.append("\(id % 100) commits \(sent)")
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            try await same("results") { index, _ in
                let results = try await both[index].writer.commit(sent)
                return zip(sent, results).map { command, result in Self.meaning(result, of: command) }
            }
        }
    }

    /// A resend may be answered by its own row.
    private static func meaning(_ result: CommandResult, of command: Command) -> StepRecord? {
        switch command {
        case .step(let own, _, _), .startChild(_, _, let own): result.recorded == own ? nil : result.recorded
        default: result.recorded
        }
    }

    private mutating func middle(_ number: WorkflowNumber, isOwned: Bool) -> Command {
        let key = key()
        if isOwned, Bool.random(using: &random) {
            return .pending(pending(number, key, attempt: Int32.random(in: 1...5, using: &random)))
        }
        let order = Int64(keys.firstIndex(of: key) ?? 0)
        return .step(
            StoreConformanceTests.step(number, key, order, output: .text("\(Int.random(in: 0...1, using: &random))")), hadPending: true)
    }

    private mutating func last(_ number: WorkflowNumber, _ started: Set<WorkflowNumber>) -> Command? {
        let other = self.number()
        switch Int.random(in: 0..<9, using: &random) {
        case 6: return .forgive(number)
        case 0: return .suspend(number, due: .max)
        case 1: return .suspend(number, due: Microseconds.random(in: 1...9, using: &random))
        case 2: return .release(number)
        case 3: return .setAside(number, reason: "reason \(Int.random(in: 0...9, using: &random))", at: Fixture.moment)
        case 4: return .finish(outcome(number, .failed), parent: started.contains(other) ? nil : other)
        case 5 where number != other && !started.contains(other):
            return .finish(outcome(number), parent: nil, inbox: [cancel(other)])
        default: return nil
        }
    }

    private mutating func claimReady() async throws {
        let (id, both) = who()
        trace.append("\(id % 100) claims ready")
        try await same("ready") { index, _ in
            both[index].claimer.reset()
            let claimed = try await both[index].claimer.claimReady(workflows: ["flow"], versions: [""], limit: 99)
            return claimed.sorted { $0.number < $1.number }
        }
    }

    private mutating func claimOthers() async throws {
        let (id, both) = who()
        let now = Microseconds.random(in: 0...9, using: &random)
        let some = numbers.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
        trace.append("\(id % 100) claims due at \(now) and arrived \(some)")
        try await same("due") { index, _ in
            both[index].claimer.reset()
            return try await both[index].claimer.claimDue(now: now, limit: 99).map(\.number).sorted()
        }
        try await same("arrived") { index, _ in
            try await both[index].claimer.claimArrived(some).sorted { $0.number < $1.number }
        }
    }

    private mutating func claimSuspects() async throws {
        let (id, both) = who()
        let crashes = Int.random(in: 2...4, using: &random)
        let probation = Bool.random(using: &random) ? Duration.seconds(600) : .zero
        trace.append("\(id % 100) claims suspects of \(crashes) crashes, for \(probation)")
        try await same("suspects") { index, _ in
            let claimed = try await both[index].claimer.claimSuspects(
                .flow, crashes: crashes, now: .max, limit: 99, probation: probation, acquitted: [])
            return claimed.sorted { $0.number < $1.number }
        }
    }

    private mutating func starts() -> [(WorkflowRecord, IDPolicies)] {
        let conflicts: [IDConflictPolicy] = [.useExisting, .fail]
        let reuses: [IDReusePolicy] = [.useExisting, .allowDuplicate, .allowDuplicateFailedOnly, .rejectDuplicate]
        var taken: Set<WorkflowNumber> = []
        return (0..<2).compactMap { _ in
            let number = self.number()
            guard taken.insert(number).inserted else { return nil }
            let policies = IDPolicies(
                conflict: conflicts[Int.random(in: 0..<2, using: &random)], reuse: reuses[Int.random(in: 0..<4, using: &random)])
            return (record(number), policies)
        }
    }

    private mutating func clientStart() async throws {
        let starts = starts()
        let owner = Bool.random(using: &random) ? who().0 : nil
        trace.append("a client starts \(starts) for \(owner.map { $0 % 100 } as Any)")
        try await same("starts") { _, backend in try await backend.start(starts, owner: owner) }
    }

    private mutating func clientDeliver() async throws {
        let items = [cancel(number()), InboxItem(workflow: number(), kind: .terminate, reference: 3)]
        trace.append("a client delivers \(items)")
        try await same("delivered") { _, backend in
            try await backend.deliver(items)
            return 0
        }
    }

    private mutating func transaction() async throws {
        let (starts, item, other) = (starts(), cancel(number()), number())
        let row = StoreConformanceTests.step(number(), key(), nil, kind: .transaction)
        let commits = Int.random(in: 0..<4, using: &random) > 0
        let executor = Bool.random(using: &random) ? who().0 : nil
        trace.append(
            "a transaction starts \(starts), delivers \(item), resumes \(other), writes \(row), \(commits ? "commits" : "rolls back")")
        let ids = ids
        try await same("transaction") { _, backend in
            let transaction = try await backend.begin(.serializable, for: executor)
            var lines = try await transaction.start(starts).map { "\($0)" }
            try await transaction.deliver([item])
            lines.append("\(try await transaction.resume(other))")
            for id in ids { lines.append("\(try await transaction.number(ofID: id) as Any)") }
            for number in starts.map(\.0.number) + [other] {
                let status = try await transaction.status(of: number)
                lines.append("\(status?.record as Any) \(status?.live as Any) \(status?.crashes as Any) \(status?.outcome as Any)")
            }
            if commits { lines.append("\(try await transaction.commit(row, hadPending: true))") } else { await transaction.rollback() }
            return lines
        }
    }

    private mutating func operate() async throws {
        let number = number()
        trace.append("an operator resumes \(number)")
        try await same("resumed") { _, backend in try await backend.resume(number) }
    }

    private mutating func leave() async throws {
        let index = Int.random(in: 0...1, using: &random)
        let dies = Bool.random(using: &random)
        trace.append("\(executors[index].0 % 100) \(dies ? "dies" : "retires")")
        for executor in executors[index].1 {
            if dies {
                try await executor.backend.renew(executor.id, lease: .microseconds(1))
                try await eventually("it is reaped") { try await executor.backend.reap(limit: 99).executors == [executor.id] }
            } else {
                try await executor.backend.retire(executor.id)
            }
            await executor.writer.close()
            await executor.claimer.close()
        }
        executors[index] = try await register()
    }
}
