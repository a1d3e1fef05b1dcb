import PerdureMemory
import PerdureTesting
import Testing

@testable import Perdure

/// What bulk work makes of a page that it has done before: the process died before that was known.
@Suite(.timeLimit(.minutes(1)))
struct BulkHandTests {
    /// Fails in its second step, again and again if it is told so.
    private struct Fickle: Workflow {
        static let name = "Fickle"

        func run(_ attempts: Int, in context: WorkflowContext) async throws -> Int {
            try await context.step("first") {}
            return try await context.step("second", retry: .fixed(attempts: attempts, interval: .days(1))) {
                throw WorkflowError(.rejected, "broken")
            }
        }
    }

    private func hand(_ action: BulkAction, _ core: ClientCore, id: String = "work") throws -> BulkHand {
        let order = try BulkOrder(action, filter: "", rate: 1, by: "ada", reason: "why")
        return BulkHand(core: core, order: order, reason: BulkWork.mark("why", id))
    }

    /// One that waits for its next attempt, or that has failed.
    private func number(_ engine: Engine, failed: Bool) async throws -> WorkflowNumber {
        let handle = try await engine.start(Fickle.self, failed ? 1 : 9)
        try await waitWhile {
            let status = try await handle.status()
            return failed ? status.state != .failed : status.pendingSteps.isEmpty
        }
        return handle.number
    }

    private static let completion = try? BulkAction.complete(step: "second", with: 7)
    private static let actions: [BulkAction] =
        [
            .cancel, .terminate, .pause, .retryNow, .rewind, .restart, .setAttributes(["a": 1]), .fork(from: "second"),
            .skip(step: "second"), .fail(step: "second", with: CancellationError()),
        ] + [completion].compactMap { $0 }

    @Test(arguments: actions)
    func `what it has done is done, also when it comes to it again`(_ action: BulkAction) async throws {
        try await withEngine(store: .memory()) {
            Fickle()
        } body: { engine in
            let (core, isRun) = (engine.client.core, action.states.isSubset(of: WorkflowStatus.State.closedStates))
            let number = try await number(engine, failed: isRun)
            for _ in 0..<2 { #expect(try await hand(action, core).act(on: number) == .done) }
            switch action.kind {
            case .rewind, .restart, .fork:
                #expect(try await engine.client.runs(of: Names.publicID(number)).count == 2)
                // For another it is too late.
                #expect(try await hand(action, core, id: "other").act(on: number) == .skipped)
            case .cancel, .terminate:
                try await waitWhile { try await core.store.status(of: number)?.outcome == nil }
                #expect(try await hand(action, core).act(on: number) == .done)
                #expect(try await core.store.interventions(of: number).count == 1)
                #expect(try await hand(action, core, id: "other").act(on: number) == .skipped)
            case .pause:
                try await waitWhile { try await core.store.status(of: number)?.live != .paused }
                #expect(try await hand(action, core).act(on: number) == .done)
                #expect(try await hand(action, core, id: "other").act(on: number) == .skipped)
                for _ in 0..<2 { #expect(try await hand(.resume, core, id: "next").act(on: number) == .done) }
                #expect(try await hand(.resume, core, id: "other").act(on: number) == .skipped)
            case .skip, .complete, .fail:
                try await waitWhile { try await core.store.status(of: number)?.outcome == nil }
                #expect(try await core.store.interventions(of: number).count == 1)
                #expect(try await hand(action, core, id: "other").act(on: number) == .skipped)
            default: break
            }
        }
    }

    /// Goes on as a new run at each word.
    private struct Serial: Workflow {
        static let name = "Serial"
        static let words = Topic<Bool>("words")

        func run(_ input: Int, in context: WorkflowContext) async throws {
            _ = try await context.receive(Self.words)
            try continueAsNew(input + 1, in: context)
        }
    }

    /// One in ten seconds: a page has one, and there are more than seventy to be passed over before the next.
    @Test func `what was done to workflows that have gone on since hides nobody behind them`() async throws {
        try await withEngine(store: .memory()) {
            Serial()
        } body: { engine in
            let core = engine.client.core
            for number in 0..<72 { try await engine.client.start(Serial.self, 0, id: "\(number)") }
            let last = try await core.numbers.next()
            let order = try BulkOrder(.setAttributes(["a": 1]), filter: "name = 'Serial'", rate: 0.1, by: "ada", reason: nil)
            let work = BulkWork(core: core)
            let hand = work.hand(order, "work")
            for number in 0..<71 { #expect(try await hand.act(on: core.number(ofID: "\(number)")) == .done) }
            for number in 0..<72 { try await engine.client.send(to: "\(number)", Serial.words, true) }
            try await waitWhile { try await engine.client.count(where: .status == .continued) < 72 }
            // They may have gone on in any order; the one that was not met is last.
            try await engine.client.send(to: "71", Serial.words, true)
            try await waitWhile { try await engine.client.runs(of: "71").count < 3 }
            var position = BulkWork.Position(began: core.environment.clock.now(), last: last, cursor: last)
            try await work.choose(&position, order, hand)
            #expect(try await position.page == [core.number(ofID: "71")])
            try await work.choose(&position, order, hand)
            #expect(position.page.isEmpty)
        }
    }

    @Test func `who is not there is passed over, and what is refused is named`() async throws {
        let core = try await Client(store: .memory(), configuration: .patient).core
        #expect(try await hand(.cancel, core).act(on: 1) == .skipped)
        let many = Dictionary(uniqueKeysWithValues: (0..<SearchAttribute.countLimit).map { ("a\($0)", SearchAttribute.int(1)) })
        var record = try await core.record(name: "full", input: .void, id: nil, StartOptions(attributes: many))
        record.lane.version = ""
        let number = try await core.start(record, StartOptions().policies)
        guard case .failed(let message) = try await hand(.setAttributes(["one more": 1]), core).act(on: number) else {
            Issue.record("it was not refused")
            return
        }
        #expect(message.contains("64"))
        var progress = BulkProgress()
        for _ in 0..<12 { progress.count(.failed(message), on: number) }
        progress.count(.done, on: number)
        progress.count(.skipped, on: number)
        #expect(progress.matched == 14 && progress.done == 1 && progress.skipped == 1 && progress.failed == 12)
        #expect(progress.failures.count == 10 && progress.failures[0].run == Names.publicID(number))
        await core.close()
    }
}
