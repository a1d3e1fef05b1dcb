internal import Perdure
internal import Testing

/// What is paused for all engines, as a store keeps it.
@Suite(.timeLimit(.minutes(10))) struct HeldTests {
    private let step = PauseSubject(.step, "charge", in: "flow")
    private let type = PauseSubject(.workflowType, "flow")

    private func row(_ subject: PauseSubject, by: String = "ada", until: Microseconds? = nil) -> PauseRow {
        PauseRow(subject: subject, by: by, reason: "bank holiday", since: Fixture.moment, until: until)
    }

    private func held(_ number: WorkflowNumber, by pause: Int64?, _ key: String = "charge") -> PendingRecord {
        PendingRecord(workflow: number, key: key, attempt: 1, started: Fixture.moment, error: .text("no luck"), heldBy: pause)
    }

    @Test(arguments: StoreUnderTest.available)
    func `a row is changed by who knows it as it is`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let backend = fixture.backend
            #expect(try await backend.pause(of: step) == nil)
            var stored = try #require(try await backend.put(row(step, until: Fixture.future), over: 0))
            #expect(stored.revision == 1 && stored.subject == step && stored.until == Fixture.future && stored.reason == "bank holiday")
            #expect(try await backend.put(row(step), over: 0) == nil)
            #expect(try await backend.put(row(step), over: 2) == nil)
            #expect(try await backend.pause(of: step) == stored)
            #expect(try await backend.pause(of: PauseSubject(.step, "charge")) == nil)
            var breaker = BreakerState(CircuitBreaker())
            #expect(breaker.open(CircuitBreaker(), at: Fixture.moment) == true)
            (stored.ended, stored.endedBy, stored.breaker) = (Fixture.moment, "bob", breaker)
            let changed = try #require(try await backend.put(stored, over: 1))
            stored.revision = 2
            #expect(changed == stored)
            let other = try #require(try await backend.put(row(type), over: 0))
            #expect(other.number != stored.number)
            #expect(try await backend.pauses(all: false) == [other])
            #expect(try await backend.pauses(all: true).map(\.subject) == [step, type])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of many who write at once one does`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            for revision in 0..<3 as Range<Int64> {
                let written = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for writer in 0..<8 {
                        group.addTask { try await fixture.backend.put(row(step, by: "\(writer)"), over: revision) != nil }
                    }
                    return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
                #expect(written == 1)
            }
            #expect(try await fixture.backend.pauses(all: true).map(\.revision) == [3])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what a pause held back and is nobody's becomes ready, page by page`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let numbers = try await fixture.ownedMany(5, by: executor)
            try await executor.commit(
                numbers.map { .pending(held($0, by: 7)) } + [.pending(held(numbers[0], by: 8, "other"))]
                    + numbers.prefix(4).map { .suspend($0, due: .max) })
            #expect(try await backend.load([numbers[1]], limit: 9).first?.pending == [held(numbers[1], by: 7)])
            #expect(try await backend.holders() == [7, 8])
            let first = try await backend.wakeHeld(by: 7, after: .min, limit: 3)
            #expect(first == WakeReport(woken: 3, next: numbers[2]))
            let second = try await backend.wakeHeld(by: 7, after: numbers[2], limit: 3)
            #expect(second == WakeReport(woken: 1, next: nil), "the last is its owner's")
            #expect(try await backend.wakeHeld(by: 7, after: .min, limit: 3) == WakeReport(woken: 0, next: nil))
            #expect(try await backend.holders() == [7, 8])
            #expect(try await fixture.statuses(numbers).map(\.live) == [.ready, .ready, .ready, .ready, .owned])
            #expect(
                try await fixture.statuses(numbers).map { $0.pending.contains { $0.heldBy == 7 } } == [false, false, false, false, true])
            let claimed = try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            #expect(claimed.map(\.number).sorted() == Array(numbers.prefix(4)) && claimed.allSatisfy { !$0.isFresh })
            // What is held back no more says so.
            try await executor.commit([.pending(held(numbers[4], by: nil)), .pending(held(numbers[0], by: nil, "other"))])
            #expect(try await backend.holders() == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of a type that is paused nothing is claimed but what was cancelled or terminated`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let begun = try await fixture.ownedMany(6, by: executor)
            try await executor.commit(
                begun.prefix(3).map { .release($0) } + begun.suffix(3).map { .suspend($0, due: Fixture.moment) })
            let fresh = try await fixture.ready()
            var repertoire = Repertoire.flow
            repertoire.pause(["flow", "unknown"])
            #expect(repertoire.workflows == [] && repertoire.paused == ["flow"])
            #expect(try await executor.claimer.claimReady(repertoire, limit: 9) == [])
            #expect(try await executor.claimer.claimArrived(begun + [fresh], repertoire).allSatisfy { !$0.isServed })
            try await backend.deliver(
                [begun[0], begun[3]].map { cancel($0) } + [begun[1], begun[4]].map { InboxItem(workflow: $0, kind: .terminate) }
                    + [begun[2], begun[5], fresh].map { InboxItem(workflow: $0, kind: .message, payload: .void, topic: "t") })
            let claimed = try await executor.claimer.claimArrived(begun + [fresh], repertoire)
            #expect(claimed.filter(\.isServed).map(\.number).sorted() == [begun[0], begun[1], begun[3], begun[4]])
            #expect(try await fixture.statuses([begun[2], begun[5]]).map(\.live) == [.ready, .ready])
            // Whoever does not run the type does not run it because it was cancelled.
            try await backend.deliver([cancel(begun[2])])
            var others = Repertoire(workflows: ["other"], versions: [""])
            others.pause(["flow"])
            #expect(try await executor.claimer.claimArrived([begun[2]], others).filter(\.isServed) == [])
            repertoire.pause([])
            #expect(repertoire == .flow)
            #expect(
                try await executor.claimer.claimReady(repertoire, limit: 9).map(\.number).sorted() == [begun[2], begun[5], fresh].sorted())
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the views say what is paused`(_ kind: StoreUnderTest) async throws {
        guard kind != .memory else { return }
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor(serving: .flow))
            let (number, ready) = (try await fixture.owned(by: executor), try await fixture.ready())
            let pause = try #require(try await backend.put(row(step), over: 0))
            try await executor.commit([.pending(held(number, by: pause.number)), .suspend(number, due: .max)])
            #expect(try await fixture.waits(number) == .text(QueueWait.stepPaused.rawValue))
            #expect(try await fixture.waits(ready) == .text(QueueWait.turn.rawValue))
            let steps = try await fixture.view("workflow_steps", where: "workflow_number = \(number)")
            #expect(steps.rows.first?[try #require(steps.columns.firstIndex(of: "state"))] == .text("paused"))
            var over = try #require(try await backend.put(row(type), over: 0))
            for number in [number, ready] { #expect(try await fixture.waits(number) == .text(QueueWait.typePaused.rawValue)) }
            let view = try await fixture.view("workflow_pauses", where: "kind = 'step'")
            let shown = Dictionary(uniqueKeysWithValues: zip(view.columns, try #require(view.rows.first)))
            #expect(shown["state"] == .text("paused") && shown["workflow_name"] == .text("flow") && shown["steps_held"] == .int(1))
            #expect(shown["by_whom"] == .text("ada") && shown["reason"] == .text("bank holiday"))
            over.until = Fixture.moment
            _ = try await backend.put(over, over: 1)
            #expect(try await fixture.waits(ready) == .text(QueueWait.turn.rawValue))
            let states = try await fixture.view("workflow_pauses", where: "kind = 'workflow type'")
            #expect(states.rows.first?[try #require(states.columns.firstIndex(of: "state"))] == .text("over"))
        }
    }
}

extension Fixture {
    fileprivate func waits(_ number: WorkflowNumber) async throws -> SQLValue? {
        let view = try await view("workflow_status", where: "workflow_number = \(number)")
        return view.rows.first?[try #require(view.columns.firstIndex(of: "waits_for"))]
    }
}
