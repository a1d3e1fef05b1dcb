import FoundationEssentials
import PerdureMemory
import PerdureTesting
import Testing

@testable import Perdure

/// A clock on which no time passes but what is waited for.
private final class JumpingClock: EngineClock {
    private let passed = Lock(Duration.zero)
    private let start = Instant.now

    var elapsed: Duration { passed.withLock { $0 } }

    func now() -> Microseconds { Microseconds(elapsed / .microseconds(1)) }
    func instant() -> Instant { start + elapsed }
    func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID {
        schedule(at: start + .microseconds(due), action)
    }
    func schedule(at due: Instant, _ action: @escaping @Sendable () -> Void) -> TimerID {
        passed.withLock { $0 = max($0, due - start) }
        action()
        return 1
    }
    func cancel(_ timer: TimerID) {}
}

/// How fast bulk work goes, and what it keeps of a filter.
@Suite(.timeLimit(.minutes(1)))
struct BulkPaceTests {
    @Test(arguments: [1.0, 1.5, 30, 70, 100, 1_000, 12_345])
    func `it is never faster than its rate, and hardly slower`(_ rate: Double) async throws {
        let clock = JumpingClock()
        var pace = BulkPace(rate: rate, clock: clock)
        var moments: [Duration] = []
        for page in 0..<10 {
            for _ in 0..<(37 + page) {
                moments.append(clock.elapsed)
                await pace.wait()
            }
            await pace.end()
        }
        let total = Double(moments.count) / rate
        #expect(clock.elapsed >= .seconds(total) - .milliseconds(1) && clock.elapsed <= .seconds(total * 1.01) + .milliseconds(1))
        // In each second no more than what it says and what may go together.
        let most = moments.indices.map { first in moments[first...].count { $0 < moments[first] + .seconds(1) } }.max() ?? 0
        #expect(Double(most) <= (rate + max(rate / 20, 1)).rounded(.up))
    }

    @Test(arguments: [0.001, 0.9, 1, 50, 100, 5_000])
    func `a page is what two seconds allow, and not too much`(_ rate: Double) throws {
        let order = try BulkOrder(.cancel, filter: "", rate: rate, by: "ada", reason: nil)
        #expect(order.pageSize >= 1 && order.pageSize <= 200 && Double(order.pageSize) <= max(1, rate * 2))
    }

    @Test(arguments: [
        WorkflowFilter.all, .open, .closed, !.open, .name == "Check\"out\\", .status == .timedOut, .status != .setAside,
        .started > .ago(.hours(1)) && .due < .fromNow(.milliseconds(1_500)),
        .deadline >= .at(.init(timeIntervalSince1970: 1_700_000_000.25)),
        .name.isOne(of: ["a", "b"]) || !(.key == "it's"), .attribute("name") == "x" && .attribute("two words") != 1.5, .parent.exists,
        .attribute("status") == .list(["a", "b"]) || .attribute("on") == true, .id.starts(with: "order-") && .crashes > 2,
        FilterNumberField.priority == -3 || .attribute("when") < .date(.init(timeIntervalSince1970: 0)),
        .status.isOne(of: []), .attribute("big") > 1e300, .attribute("x").exists && .finished.exists,
    ])
    func `a filter in Swift is kept as its text`(_ filter: WorkflowFilter) throws {
        let text = try filter.written()
        let (left, right) = (FilterPlan(try WorkflowFilter(parsing: text), now: 1_000), FilterPlan(filter, now: 1_000))
        #expect(left == right || left.isEmpty && right.isEmpty, "\(text)")
    }

    @Test func `what has no text is refused`() {
        for filter: WorkflowFilter in [
            .name == "\0", .started > .at(.distantFuture.addingTimeInterval(1e15)), .attribute("x") < .number(.infinity),
        ] {
            #expect(throws: WorkflowError.self) { try filter.written() }
        }
    }

    @Test func `distances are fixed when it begins`() throws {
        let order = try BulkOrder(.setAttributes(["a": 1]), filter: "started > -1h and not (due < now)", rate: 1, by: "ada", reason: nil)
        let plan = FilterPlan(try order.selection(at: 10_000_000_000), now: 99_000_000_000)
        #expect(plan.conditions.contains(.test(.started, .compare(.greater, .moment(6_400_000_000)))))
        #expect(plan.conditions.contains(.not(.test(.due, .compare(.less, .moment(10_000_000_000))))))
    }

    @Test func `the library's own names are its own`() async throws {
        struct Mine: Workflow {
            static let name = "perdure.mine"
            func run(_ input: Int, in context: WorkflowContext) async throws {}
        }
        let error = await #expect(throws: WorkflowError.self) { try await Engine(store: .memory()) { Mine() } }
        #expect(error?.code == .invalidDeclaration)
    }

    @Test func `in memory, too`() async throws {
        struct Sleeper: Workflow {
            func run(_ input: Int, in context: WorkflowContext) async throws { try await context.sleep(for: .days(1)) }
        }
        try await withEngine(store: .memory()) {
            Sleeper()
        } body: { engine in
            for number in 0..<30 { try await engine.start(Sleeper.self, number) }
            let bulk = try await engine.client.bulk(.terminate, where: "name = 'Sleeper'", rate: 1_000, by: "ada")
            let progress = try await bulk.result()
            #expect(progress.done == 30 && progress.matched == 30 && progress.expected == 30)
            try await waitWhile { try await engine.client.count(where: "status = terminated") < 30 }
        }
    }
}
