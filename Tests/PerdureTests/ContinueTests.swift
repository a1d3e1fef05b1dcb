import Perdure
import PerdureMemory
import PerdureTesting
import Testing

extension Topic where Message == Int { fileprivate static let numbers = Topic("numbers") }
extension Topic where Message == Bool { fileprivate static let go = Topic("go") }

/// Adds up messages; goes on as a new run after each two.
private struct Adder: Workflow {
    func run(_ input: [Int], in context: WorkflowContext) async throws -> [Int] {
        var all = input
        for _ in 0..<2 {
            let number = try await context.receive(.numbers)
            if number < 0 { return all }
            all.append(number)
        }
        try await context.step("between") {}
        try continueAsNew(all, in: context)
    }
}

/// Does with the error of `continueAsNew` what it should not.
private struct Careless: Workflow {
    enum Way: String, Codable, Sendable, CaseIterable { case returns, throwsAnother, asksAgain, spins }
    struct State: Codable, Sendable {
        var way: Way
        var isLast = false
    }

    func run(_ state: State, in context: WorkflowContext) async throws -> String {
        if state.isLast { return "went on" }
        do {
            try continueAsNew(State(way: state.way, isLast: true), in: context)
        } catch {
            switch state.way {
            case .returns: return "swallowed"
            case .throwsAnother: throw Refused(code: 7)
            case .asksAgain:
                let again = await #expect(throws: WorkflowError.self) { try await context.step("late") { Issue.record("a body ran") } }
                #expect(again?.code == .continuedAsNew)
                #expect(throws: WorkflowError.self) { try context.onFailure("late") {} }
                let second = #expect(throws: WorkflowError.self) {
                    try continueAsNew(State(way: .spins), in: context)
                }
                #expect(second?.code == .continuedAsNew)
                return "asked again"
            case .spins:
                while true { try? await context.sleep(for: .seconds(1)) }
            }
        }
    }
}

/// Has something to undo when it would go on.
private struct Undoing: Workflow {
    let undone: Counter

    func run(_ drops: Bool?, in context: WorkflowContext) async throws {
        guard let drops else { return }
        try await context.step("do") {}
        try context.onFailure("undo") { undone.add() }
        try continueAsNew(nil, in: context, dropsCompensations: drops)
    }
}

/// Steps aside while a step of it still runs, and after a cancel that it has caught.
private struct Cancelled: Workflow {
    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        if count == 1 { return 1 }
        do {
            try await context.sleep(for: .days(1))
        } catch is CancellationError {
            try continueAsNew(1, in: context)
        }
        return count
    }
}

/// Goes on when its history is long; a patch and a race are in it.
private struct Long: Workflow {
    let lengths: Counter

    func run(_ runs: Int, in context: WorkflowContext) async throws -> Int {
        if runs == 3 { return runs }
        while true {
            _ = try context.patched("longer")
            async let one: Void = context.step("one") {}
            async let two: Void = context.sleep(for: .milliseconds(1))
            _ = try await (one, two)
            lengths.add("\(runs) \(context.historyLength)")
            if context.historyLength > 7 { try continueAsNew(runs + 1, in: context) }
        }
    }
}

/// A receive has been given a message, and is cancelled before it comes, when the run goes on.
private struct Racing: Workflow {
    func run(_ isFirst: Bool, in context: WorkflowContext) async throws -> [Int] {
        if isFirst {
            async let _ = context.receive(.numbers)
            _ = try await context.receive(.go)
            try continueAsNew(false, in: context)
        }
        return [try await context.receive(.numbers), try await context.receive(.numbers)]
    }
}

@Suite(.timeLimit(.minutes(2)))
struct ContinueTests {
    @Test(arguments: [MemoryOperation.Moment.before, .after], [StoreError.Code.unavailable, .transient])
    func `a commit whose fate is unknown loses and doubles nothing`(_ moment: MemoryOperation.Moment, _ code: StoreError.Code) async throws
    {
        let database = MemoryDatabase()
        let struck = Counter()
        database.faults = { operation in
            guard operation.kind == .commit || operation.kind == .load, operation.moment == moment else { return nil }
            let goesOn = operation.commands.contains { if case .continueAsNew = $0 { true } else { false } }
            guard goesOn || operation.kind == .load, struck.add(goesOn ? "continue" : "load") % 2 == 1 else { return nil }
            return StoreError(code, "injected")
        }
        try await withEngine(store: .memory(database), configuration: .test) {
            Adder()
        } body: { engine in
            let first = try await engine.start(Adder.self, [], id: "sum")
            for number in 0..<9 { try await first.send(.numbers, number, key: "\(number)") }
            try await first.send(.numbers, -1)
            #expect(try await first.result() == Array(0..<9))
            #expect(try await engine.client.runs(of: "sum").count == 5)
        }
        #expect(struck["continue"] >= 8)
    }

    /// Again and again in other hands: what was continued is there, and what was not is done again.
    @Test func `an engine dies between any two commits, and the next goes on`() async throws {
        for lastCommit in 1...14 {
            let database = MemoryDatabase()
            let (commits, isDead) = (Counter(), Lock(false))
            let dying = try await Engine(store: .memory(database), configuration: .test) { Adder() }
            let first = try await dying.start(Adder.self, [], id: "sum")
            for number in 0..<6 { try await first.send(.numbers, number) }
            try await first.send(.numbers, -1)
            let victim = Lock<ExecutorID?>(nil)
            database.faults = { operation in
                guard let executor = operation.executor,
                    victim.withLock({
                        $0 = $0 ?? executor; return $0 == executor
                    })
                else { return nil }
                if operation.kind == .commit, operation.moment == .before, commits.add() == lastCommit { isDead.withLock { $0 = true } }
                return isDead.withLock { $0 } ? StoreError(.fenced, "its lease is gone") : nil
            }
            let next = try await Engine(store: .memory(database), configuration: .test) { Adder() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await dying.run() }
                try await waitWhile {
                    if isDead.withLock({ $0 }) { return false }
                    return try await !isDone(next)
                }
                group.addTask { try await next.run() }
                let again = try await next.client.handle(of: Adder.self, id: "sum")
                #expect(try await again.result() == Array(0..<6))
                let runs = try await next.client.runs(of: "sum")
                #expect(runs.count == 4 && runs.map(\.state) == [.continued, .continued, .continued, .completed])
                group.cancelAll()
            }
            await dying.close()
            await next.close()
        }
    }

    private func isDone(_ engine: Engine) async throws -> Bool {
        try await engine.client.handle(of: Adder.self, id: "sum").status().state == .completed
    }

    @Test(arguments: Careless.Way.allCases)
    private func `it goes on whatever the code does with the error, or says what is wrong`(_ way: Careless.Way) async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Careless()
        } body: { engine in
            let handle = try await engine.start(Careless.self, Careless.State(way: way))
            if way == .spins {
                let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
                #expect(error?.code == .setAside && error?.message.contains("continueAsNew") == true)
            } else {
                #expect(try await handle.result() == "went on")
            }
        }
    }

    @Test func `what is to be undone is not forgotten, unless it is said`() async throws {
        let undone = Counter()
        try await withEngine(store: .memory(), configuration: .test) {
            Undoing(undone: undone)
        } body: { engine in
            let error = await #expect(throws: WorkflowError.self) { try await engine.start(Undoing.self, false).result() }
            #expect(error?.code == .compensationsLeft && error?.message.contains("'undo'") == true)
            #expect(undone[] == 1)
            try await engine.start(Undoing.self, true).result()
            #expect(undone[] == 1)
        }
    }

    @Test func `a run that was cancelled does not go on`() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Cancelled()
        } body: { engine in
            let handle = try await engine.start(Cancelled.self, 0)
            try await waitWhile { engine.statistics.waiting != 1 }
            try await handle.cancel()
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .cancelled)
        }
    }

    @Test(arguments: [1, 20_000])
    func `the length of the history is the same on each replay`(_ memory: Int) async throws {
        let (lengths, database) = (Counter(), MemoryDatabase())
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        try await withEngine(store: .memory(database), configuration: configuration) {
            Long(lengths: lengths)
        } body: { engine in
            let handles = [try await engine.start(Long.self, 0, id: "long"), try await engine.start(Long.self, 0, id: "other")]
            for handle in handles { #expect(try await handle.result() == 3) }
            let before = Set((0..<3).flatMap { run in (0..<20).map { "\(run) \($0)" } }.filter { lengths[$0] > 0 })
            let replayer = try Replayer { Long(lengths: lengths) }
            for run in try await engine.client.runs(of: "long") {
                let number = try #require(Names.number(fromPublicID: run.run))
                let history = try await #require(engine.client.core.store.recorded(number))
                #expect(await replayer.replay(history).verdict.isConsistent)
            }
            #expect(Set((0..<3).flatMap { run in (0..<20).map { "\(run) \($0)" } }.filter { lengths[$0] > 0 }) == before)
            #expect(before.count >= 6)
        }
    }

    @Test func `what a receive had been given when the run went on is the new run's`() async throws {
        let engine = try await Engine(store: .memory(), configuration: .test) { Racing() }
        let handle = try await engine.start(Racing.self, true)
        // Before it begins, so that both are given in one go.
        try await handle.send(.go, true)
        for number in 1...2 { try await handle.send(.numbers, number) }
        try await withEngine(engine) { _ in
            let heard = try await handle.result()
            #expect(heard == [1, 2])
        }
    }

    @Test func `another type's input does not continue a workflow`() async throws {
        struct Stranger: Workflow {
            func run(_ input: Int, in context: WorkflowContext) async throws { try Adder().continueAsNew([1], in: context) }
        }
        try await withEngine(store: .memory(), configuration: .test) {
            Stranger()
        } body: { engine in
            let error = await #expect(throws: WorkflowError.self) { try await engine.start(Stranger.self, 1).result() }
            #expect(error?.code == .otherType)
        }
    }
}
