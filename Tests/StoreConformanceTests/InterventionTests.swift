internal import Perdure
internal import Testing

/// What operators ask of steps: the row that stays, the row of the inbox, and what came of it are always in step.
@Suite(.timeLimit(.minutes(10))) struct InterventionTests {
    private func ask(
        _ number: WorkflowNumber, _ step: String, _ kind: InterventionKind = .completeStep, _ payload: EncodedPayload? = .text("by hand")
    ) -> StepIntervention {
        StepIntervention(
            workflow: number, kind: kind, step: step, payload: payload,
            instruction: Instruction(by: "ada", reason: "it is stuck", at: Fixture.moment))
    }

    private func states(_ number: WorkflowNumber, _ fixture: Fixture) async throws -> [InterventionState] {
        try await fixture.backend.interventions(of: number).map(\.state)
    }

    @Test(arguments: StoreUnderTest.available)
    func `it is recorded and sent if the step may be waiting, and refused otherwise`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let numbers = try await fixture.ownedMany(4, by: executor)
            try await executor.commit([
                .pending(pending(numbers[0], "failing")), .suspend(numbers[0], due: Fixture.future), .step(step(numbers[1], "done", 1)),
                .suspend(numbers[2], due: Fixture.future), .finish(outcome(numbers[3]), parent: nil),
            ])
            #expect(try await backend.intervene(ask(numbers[0], "failing")) == .accepted)
            #expect(try await backend.intervene(ask(numbers[0], "other")) == .notPending)
            // A first attempt has no row, so an owner may be at it.
            #expect(try await backend.intervene(ask(numbers[1], "other", .retryStep, nil)) == .accepted)
            #expect(try await backend.intervene(ask(numbers[1], "done")) == .completed)
            #expect(try await backend.intervene(ask(numbers[2], "failing")) == .notPending)
            #expect(try await backend.intervene(ask(numbers[3], "failing")) == .ended)
            #expect(try await backend.intervene(ask(123, "failing")) == .ended)

            let records = try await backend.interventions(of: numbers[0])
            let first = try #require(records.first)
            #expect(records.count == 1 && first.workflow == numbers[0] && first.kind == .completeStep && first.step == "failing")
            #expect(first.instruction == Instruction(by: "ada", reason: "it is stuck", at: Fixture.moment) && first.state == .onItsWay)
            let item = try #require(try await fixture.inbox(numbers[0]).first)
            #expect(item.kind == .intervention && item.topic == "complete step" && item.key == "failing" && !item.isSeen)
            #expect(item.payload == .text("by hand") && item.reference == first.number)
            #expect(try await fixture.inbox(numbers[1]).map(\.payload) == [nil])
            #expect(try await fixture.inbox(numbers[2]) == [])
            #expect(try await backend.interventions(of: numbers[2]) == [])
            // It wakes who sleeps.
            #expect(try await executor.claimer.arrivals().contains(numbers[0]))
            #expect(try await executor.claimer.claimArrived([numbers[0]]).map(\.number) == [numbers[0]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `it is applied with the row that consumes it, once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let number = try await fixture.owned(by: executor)
            for key in ["a", "b"] { #expect(try await backend.intervene(ask(number, key)) == .accepted) }
            // A message whose sender has the number of an intervention is none.
            let last = try #require(try await backend.interventions(of: number).last)
            try await backend.deliver([InboxItem(workflow: number, kind: .message, reference: last.number, payload: .void)])
            let inbox = try await fixture.inbox(number)
            let batch: [Command] = [
                .step(step(number, "a", 1), hadPending: true, consumes: inbox[0].sequence),
                .step(step(number, "@receive", 2, kind: .receive), consumes: inbox[2].sequence),
            ]
            // The reply was lost: the same again changes nothing.
            for _ in 0..<2 {
                for (result, command) in zip(try await executor.commit(batch), batch) {
                    if case .step(let step, _, _) = command { #expect(result.isSame(as: step)) }
                }
                #expect(try await states(number, fixture) == [.applied, .onItsWay])
                #expect(try await fixture.inbox(number).map(\.sequence) == [inbox[1].sequence])
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what came too late, or was left at the end, is without effect`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let number = try await fixture.owned(by: executor)
            for key in ["a", "b"] { #expect(try await backend.intervene(ask(number, key)) == .accepted) }
            let first = try #require(try await fixture.inbox(number).first)
            // The body was faster, and its result is what is there.
            let body = step(number, "a", 1, output: .text("by the body"))
            try await executor.commit(.step(body))
            let late = try await executor.commit(.step(step(number, "a", 1), consumes: first.sequence))
            #expect(late.recorded == body)
            #expect(try await states(number, fixture) == [.onItsWay, .onItsWay])
            for _ in 0..<2 { try await executor.commit(.consume(number, sequence: first.sequence)) }
            #expect(try await states(number, fixture) == [.withoutEffect, .onItsWay])
            try await executor.commit(.finish(outcome(number), parent: nil))
            #expect(try await states(number, fixture) == [.withoutEffect, .withoutEffect])
            #expect(try await fixture.inbox(number) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is done without a row of history is settled`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let numbers = try await fixture.ownedMany(2, by: executor)
            for number in numbers { #expect(try await backend.intervene(ask(number, "a", .retryStep, nil)) == .accepted) }
            let items = try await backend.inbox(of: numbers)
            for _ in 0..<2 { try await executor.commit(.settle(numbers[0], sequence: items[0].sequence)) }
            // Another workflow's row is not its to settle.
            try await executor.commit(.settle(numbers[0], sequence: items[1].sequence))
            #expect(try await states(numbers[0], fixture) == [.applied])
            #expect(try await states(numbers[1], fixture) == [.onItsWay])
            #expect(try await fixture.inbox(numbers[0]) == [])
            #expect(try await fixture.inbox(numbers[1]).count == 1)
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `people see it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let kinds: [InterventionKind] = [.retryStep, .completeStep, .failStep, .skipStep]
            for kind in kinds { #expect(try await fixture.backend.intervene(ask(number, "a", kind)) == .accepted) }
            let inbox = try await fixture.inbox(number)
            try await executor.commit([
                .settle(number, sequence: inbox[0].sequence), .step(step(number, "a", 1), consumes: inbox[1].sequence),
                .consume(number, sequence: inbox[2].sequence),
            ])
            let view = try await fixture.view("workflow_interventions", where: "workflow_number = \(number) ORDER BY intervention_number")
            #expect(
                view.columns == [
                    "id", "workflow_number", "workflow_name", "intervention_number", "kind", "step", "by_whom", "reason", "asked_at",
                    "state",
                ])
            #expect(view.rows.map { $0[4] } == ["retry step", "complete step", "fail step", "skip step"].map { .text($0) })
            #expect(view.rows.allSatisfy { $0[2] == .text("flow") && $0[5] == .text("a") && $0[6] == .text("ada") })
            #expect(view.rows.map { $0[9] } == ["applied", "applied", "without effect", "on its way"].map { .text($0) })
        }
    }
}
