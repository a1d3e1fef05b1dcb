internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// What operators do by plain SQL.
@Suite(Server.isThere, .timeLimit(.minutes(5))) struct ControlFunctionTests {
    @Test func `steps are retried, completed, skipped and failed by SQL`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let record = WorkflowRecord(number: 7, id: "order-7", lane: Lane(workflow: "flow"), input: .void, created: 1)
            _ = try await fixture.store.start([(record, IDPolicies())], by: executor.id, isOwned: true)
            let calls = [
                "retry_step('order-7', 'charge', 'ada', 'the bank is back')",
                "complete_step('order-7', 'charge', '{\"paid\": true}', 'ada')",
                "complete_step('order-7', 'charge', NULL, 'ada')", "skip_step('order-7', 'charge', 'ada')",
                "fail_step('order-7', 'charge', 'the \"customer\" gave up', 'ada', 'a call')",
                "fail_step('order-7', 'charge', 'no', 'ada', type => 'CardDeclined')",
            ]
            for call in calls { try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: call)") }
            let inbox = try await fixture.store.inbox(of: [7])
            #expect(inbox.map(\.topic) == ["retry step", "complete step", "complete step", "skip step", "fail step", "fail step"])
            #expect(inbox.allSatisfy { $0.kind == .intervention && $0.key == "charge" })
            let payloads = [nil, EncodedPayload(codec: 1, bytes: Array("{\"paid\": true}".utf8)), .void, nil]
            #expect(inbox.prefix(4).map(\.payload) == payloads)
            let errors = inbox.suffix(2).compactMap(\.payload).map { ErrorRegistry().restore($0, with: PayloadCoder()) as? RecordedError }
            #expect(errors[0] == RecordedError(type: "Error", message: "the \"customer\" gave up"))
            #expect(errors[1] == RecordedError(type: "CardDeclined", message: "no"))
            let interventions = try await fixture.store.interventions(of: 7)
            #expect(interventions.map(\.number) == inbox.map(\.reference))
            #expect(interventions.first?.instruction.by == "ada" && interventions.first?.instruction.reason == "the bank is back")
            let writer = try await fixture.store.writer(0, for: executor.id)
            _ = try await writer.commit([
                .step(StepRecord(workflow: 7, key: "done", order: 1, kind: .step, started: 1, finished: 2)), .suspend(7, due: .max),
            ])
            for call in [
                "skip_step('order-7', 'done', 'ada')", "skip_step('order-7', 'charge', 'ada')", "skip_step('nobody', 'a', 'ada')",
                "skip_step('order-7', 'charge', '')", "fail_step('order-7', 'done', 'no', 'ada')",
                "fail_step('order-7', 'charge', 'no', '')",
            ] {
                _ = await expect(.rejected) { try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: call)") }
            }
            #expect(try await fixture.store.inbox(of: [7]).count == 6)
        }
    }

    @Test func `workflows are paused and resumed by SQL`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let starts = (7...8).map { number in
                (
                    WorkflowRecord(number: number, id: "order-\(number)", lane: Lane(workflow: "flow"), input: .void, created: 1),
                    IDPolicies()
                )
            }
            _ = try await fixture.store.start([starts[0]], by: executor.id, isOwned: true)
            _ = try await fixture.store.start([starts[1]], by: nil, isOwned: false)
            func ask(_ call: String) async throws -> Bool {
                try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: call)") == [[.bool(true)]]
            }
            for id in ["order-7", "order-8"] { #expect(try await ask("pause_workflow('\(id)', 'ada', 'stocktaking')")) }
            // Its owner is told once.
            #expect(try await ask("pause_workflow('order-7', 'bob')"))
            #expect(try await fixture.store.inbox(of: [7]).map(\.isPause) == [true])
            #expect(try await fixture.store.status(of: 7)?.live == .owned)
            #expect(try await fixture.store.status(of: 8)?.live == .paused)
            #expect(try await fixture.store.status(of: 8)?.pause?.reason == "stocktaking")
            for id in ["order-7", "order-8"] { #expect(try await ask("resume_workflow('\(id)')")) }
            for id in ["order-7", "order-8"] { #expect(try await !ask("resume_workflow('\(id)')")) }
            #expect(try await fixture.store.inbox(of: [7]) == [])
            #expect(try await fixture.store.status(of: 8)?.live == .ready)
            let writer = try await fixture.store.writer(0, for: executor.id)
            _ = try await writer.commit([.finish(Outcome(workflow: 7, status: .completed, finished: 1), parent: nil)])
            #expect(try await !ask("pause_workflow('order-7', 'ada')"))
            _ = await expect(.rejected) { _ = try await ask("pause_workflow('order-8', '')") }
        }
    }
}
