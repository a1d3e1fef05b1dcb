import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Sleepy: Workflow {
    let ran: Counter

    func run(_ kind: String, in context: WorkflowContext) async throws -> String {
        do {
            ran.add("begun")
            try await context.sleep(for: .hours(1))
        } catch is CancellationError {
            if context.isUnloading { throw CancellationError() }
            ran.add("cancelled")
            if kind == "declines" { return "declined" }
            throw CancellationError()
        }
        return "slept"
    }
}

private struct Working: Workflow {
    let begun: Gate

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        do {
            try await context.step("work") {
                begun.open()
                try await Task.sleep(for: .seconds(60))
            }
        } catch is CancellationError {
            return "body was cancelled"
        }
        return "?"
    }
}

private struct Parent: Workflow {
    let onClose: ParentClosePolicy
    let begun: Gate

    func run(_ kind: String, in context: WorkflowContext) async throws -> String {
        let child = try await context.startChild(Sleepy.self, "child", id: "child", onClose: onClose)
        try await context.step("started") { begun.open() }
        if kind == "ends" { return "ended" }
        if kind == "awaits" { return try await child.result() }
        try await context.sleep(for: .hours(1))
        return "?"
    }
}

private struct Racer: Workflow {
    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        var won = 0
        for round in 0..<count {
            won += try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask { try await context.step("work", id: round) { 1 } }
                group.addTask {
                    try await context.sleep(for: .hours(1))
                    return 100
                }
                let first = try await group.next() ?? 0
                group.cancelAll()
                return first
            }
        }
        return won
    }
}

@Suite(.timeLimit(.minutes(1)))
struct CancelTests {
    @Test(arguments: ["obeys", "declines"])
    func aSleepingWorkflowIsCancelledAtOnce(kind: String) async throws {
        let ran = Counter()
        try await withEngine(store: .memory(), configuration: .test) {
            Sleepy(ran: ran)
        } body: { engine in
            let handle = try await engine.start(Sleepy.self, kind)
            try await waitWhile { ran["begun"] == 0 }
            try await handle.cancel()
            if kind == "declines" {
                #expect(try await handle.result() == "declined")
                #expect(try await handle.status().state == .completed)
            } else {
                let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
                #expect(error?.code == .cancelled)
                #expect(try await handle.status().state == .cancelled)
            }
        }
    }

    @Test func aCancelReachesTheBodyOfAStep() async throws {
        let begun = Gate()
        try await withEngine(store: .memory(), configuration: .test) {
            Working(begun: begun)
        } body: { engine in
            let handle = try await engine.start(Working.self)
            await begun.wait()
            try await handle.cancel()
            #expect(try await handle.result() == "body was cancelled")
        }
    }

    @Test func terminateRunsNoCode() async throws {
        let ran = Counter()
        try await withEngine(store: .memory(), configuration: .test) {
            Sleepy(ran: ran)
        } body: { engine in
            let handle = try await engine.start(Sleepy.self, "")
            try await waitWhile { ran["begun"] == 0 }
            try await handle.terminate()
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .terminated)
            #expect(try await handle.status().state == .terminated)
        }
    }

    @Test(arguments: [(ParentClosePolicy.terminate, WorkflowStatus.State.terminated), (.cancel, .cancelled)])
    func childrenFollowTheirPolicyWhenTheParentEnds(policy: ParentClosePolicy, state: WorkflowStatus.State) async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Sleepy(ran: Counter())
            Parent(onClose: policy, begun: Gate())
        } body: { engine in
            #expect(try await engine.start(Parent.self, "ends").result() == "ended")
            let child = try await engine.handle(of: Sleepy.self, id: "child")
            _ = await #expect(throws: WorkflowError.self) { try await child.result() }
            #expect(try await child.status().state == state)
        }
    }

    @Test func childrenFollowTheirPolicyWhenTheParentIsTerminated() async throws {
        let begun = Gate()
        try await withEngine(store: .memory(), configuration: .test) {
            Sleepy(ran: Counter())
            Parent(onClose: .terminate, begun: begun)
        } body: { engine in
            let parent = try await engine.start(Parent.self, "sleeps")
            await begun.wait()
            try await parent.terminate()
            let child = try await engine.handle(of: Sleepy.self, id: "child")
            let error = await #expect(throws: WorkflowError.self) { try await child.result() }
            #expect(error?.code == .terminated)
        }
    }

    @Test func anAbandonedChildGoesOn() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Sleepy(ran: Counter())
            Parent(onClose: .abandon, begun: Gate())
        } body: { engine in
            #expect(try await engine.start(Parent.self, "ends").result() == "ended")
            let child = try await engine.handle(of: Sleepy.self, id: "child")
            #expect(try await child.status().state == .running)
            try await child.cancel()
            _ = await #expect(throws: WorkflowError.self) { try await child.result() }
        }
    }

    @Test func aCancelledParentCancelsTheChildThatItAwaits() async throws {
        let begun = Gate()
        let ran = Counter()
        try await withEngine(store: .memory(), configuration: .test) {
            Sleepy(ran: ran)
            Parent(onClose: .abandon, begun: begun)
        } body: { engine in
            let parent = try await engine.start(Parent.self, "awaits")
            try await waitWhile { ran["begun"] == 0 }
            try await parent.cancel()
            let error = await #expect(throws: WorkflowError.self) { try await parent.result() }
            #expect(error?.code == .cancelled)
            #expect(try await engine.client.status(of: "child").state == .cancelled)
        }
    }

    @Test func aTimeoutIsACancellation() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Sleepy(ran: Counter())
        } body: { engine in
            let handle = try await engine.start(Sleepy.self, "", options: StartOptions(timeout: .milliseconds(30)))
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .timedOut)
            #expect(try await handle.status().state == .timedOut)
        }
    }

    @Test func losersOfARaceEndAtOnce() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Racer()
        } body: { engine in
            let result = try await engine.start(Racer.self, 50).result()
            #expect(result == 50)
        }
    }
}
