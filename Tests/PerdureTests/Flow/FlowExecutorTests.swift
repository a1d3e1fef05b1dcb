import Perdure
import Testing

/// The executor's rules one by one, on a thread that the test itself drives.
struct FlowExecutorTests {
    @Test func jobsRunFirstInFirstOut() {
        #expect(Self.order(.all) == Self.inOrder)
        #expect(Self.order(.all.subtracting(.firstInFirstOut)) != Self.inOrder)
    }

    private static let inOrder = ["1", "2", "3", "4"]

    private static func order(_ rules: FlowRules) -> [String] {
        Bench.run(rules) { bench in
            await withTaskGroup { group in
                for name in inOrder { group.addTask { bench.note(name) } }
            }
        }
    }

    /// What hops is overtaken by nobody, however often it hops.
    @Test(arguments: 0...5) func hopsGoFirst(hops: Int) {
        #expect(Self.hopping(.all, hops) == ["first", "second"])
    }

    @Test func withoutTheRuleAHopIsADecision() {
        let without = FlowRules.all.subtracting(.hopsGoFirst)
        #expect(Self.hopping(without, 0) == ["first", "second"])
        #expect(Self.hopping(without, 3) == ["second", "first"])
    }

    private static func hopping(_ rules: FlowRules, _ hops: Int) -> [String] {
        Bench.run(rules) { bench in
            let island = Island()
            await withTaskGroup { group in
                group.addTask {
                    for _ in 0..<hops { await island.visit() }
                    bench.note("first")
                }
                group.addTask { bench.note("second") }
            }
        }
    }

    @Test func completionsWaitUntilNothingIsLeftToRun() {
        #expect(Self.delivering(.all) == ["started", "yielded", "delivered", "resumed"])
        #expect(Self.delivering(.all.subtracting(.completionsWait)) != ["started", "yielded", "delivered", "resumed"])
    }

    private static func delivering(_ rules: FlowRules) -> [String] {
        Bench.run(rules) { bench in
            await withTaskGroup { group in
                group.addTask {
                    await bench.wait()
                    bench.note("resumed")
                }
                group.addTask {
                    bench.note("started")
                    for _ in 0..<3 { await Task.yield() }
                    bench.note("yielded")
                }
            }
        }
    }

    /// One at a time: what a completion wakes runs before the next is delivered.
    @Test func completionsAreDeliveredOneAtATime() {
        let notes = Bench.run(.all) { bench in
            await withTaskGroup { group in
                for index in 1...2 {
                    group.addTask {
                        await bench.wait()
                        bench.note("resumed \(index)")
                        await Task.yield()
                        bench.note("done \(index)")
                    }
                }
            }
        }
        #expect(notes == ["delivered", "resumed 1", "done 1", "delivered", "resumed 2", "done 2"])
    }

    @Test func nothingRunsBeforeItIsOpened() {
        let bench = Bench(.all)
        bench.start { $0.note("ran") }
        bench.threads.drainAll()
        #expect(bench.notes.isEmpty)
        bench.open()
        #expect(bench.notes == ["ran"])
    }

    @Test func theFirstJobIsNoIntrusionAndAForeignOneIs() async {
        let bench = Bench(.all)
        let parked = Lock<Parked<Void>?>(nil)
        bench.start { bench in
            await park { (waiting: Parked<Void>) in parked.withLock { $0 = waiting } }
            bench.note("woken")
        }
        bench.open()
        #expect(!bench.flow.intruded)
        parked.withLock { $0 }?.resume()
        #expect(bench.flow.intruded)
        bench.threads.drainAll()
        #expect(bench.notes == ["woken"])
    }

    @Test func aPokeIsLookedAtOnce() {
        let bench = Bench(.all)
        bench.start { await $0.wait() }
        bench.holds = true
        bench.open()
        #expect(bench.idles == 1)
        #expect(bench.flow.poke())
        #expect(!bench.flow.poke())
        bench.holds = false
        bench.threads.submit(bench.flow)
        bench.threads.drainAll()
        #expect(bench.notes == ["delivered"])
    }

    @Test func jobsThatComeAfterTheEndAreRun() {
        let bench = Bench(.all)
        bench.start { $0.note("ran") }
        bench.open()
        bench.flow.close()
        bench.start { $0.note("late") }
        bench.threads.drainAll()
        #expect(bench.notes == ["ran", "late"])
    }
}

private actor Island {
    private var visits = 0
    func visit() { visits += 1 }
}

/// Collects flows, and drains them when the test says so.
private final class ManualThreads: FlowThreads {
    private let ready = Lock<[FlowExecutor]>([])

    func submit(_ flow: FlowExecutor) { ready.withLock { $0.append(flow) } }
    func submit(contentsOf flows: [FlowExecutor]) { ready.withLock { $0 += flows } }

    func drainAll() {
        while let flow = ready.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { flow.drain() }
    }
}

/// A flow with a delegate that delivers to those who wait, in their order.
private final class Bench: FlowDelegate {
    private struct State {
        var notes: [String] = []
        var waiting: [Parked<Void>] = []
        var holds = false
        var idles = 0
    }

    let threads = ManualThreads()
    let flow: FlowExecutor
    private let state = Lock(State())

    init(_ rules: FlowRules) { flow = FlowExecutor(threads: threads, rules: rules) }

    static func run(_ rules: FlowRules, _ body: @escaping @Sendable (Bench) async -> Void) -> [String] {
        let bench = Bench(rules)
        bench.start(body)
        bench.open()
        return bench.notes
    }

    var notes: [String] { state.withLock { $0.notes } }
    var idles: Int { state.withLock { $0.idles } }
    var holds: Bool {
        get { state.withLock { $0.holds } }
        set { state.withLock { $0.holds = newValue } }
    }

    func start(_ body: @escaping @Sendable (Bench) async -> Void) {
        Task.detached(executorPreference: flow, priority: .medium) { await body(self) }
    }

    func open() {
        flow.open(self)
        threads.drainAll()
    }

    func note(_ text: String) { state.withLock { $0.notes.append(text) } }

    func wait() async {
        await park { (waiting: Parked<Void>) in state.withLock { $0.waiting.append(waiting) } }
    }

    func deliverNext() -> Bool {
        let next = state.withLock { state -> Parked<Void>? in
            if state.holds || state.waiting.isEmpty { return nil }
            state.notes.append("delivered")
            return state.waiting.removeFirst()
        }
        next?.resume()
        return next != nil
    }

    func idled() { state.withLock { $0.idles += 1 } }
}
