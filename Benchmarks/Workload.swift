import Perdure

struct Charge: Codable, Sendable {
    var id: Int
    var amount: Int
    var name: String
}

/// Ten steps with a small result each: what the throughput benches run.
struct TenSteps: Workflow {
    func run(_ order: Int, in context: WorkflowContext) async throws -> Int {
        var total = 0
        for index in 0..<10 {
            let charge = try await context.step("charge card") { Charge(id: order, amount: index, name: "a customer of the shop") }
            total += charge.amount
        }
        return total
    }
}

/// As many steps as asked for, one after the other.
struct ManySteps: Workflow {
    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        var total = 0
        for index in 0..<count { total += try await context.step("step") { index } }
        return total
    }
}

/// As many steps as asked for, then a long sleep: killed and replayed.
struct StepsThenSleep: Workflow {
    let reached: @Sendable () -> Void

    func run(_ count: Int, in context: WorkflowContext) async throws {
        for index in 0..<count { _ = try await context.step("step") { index } }
        reached()
        try await context.sleep(for: .days(1))
    }
}

/// Sleeps for a day.
struct Sleeper: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws {
        try await context.sleep(for: .days(1))
    }
}

/// Runs `body` beside a running engine.
func withEngine(
    _ store: Store, configuration: EngineConfiguration = EngineConfiguration(), @DeclarationBuilder workflows: () -> [Declaration],
    _ body: (Engine) async throws -> Void
) async throws {
    let engine = try await Engine(store: store, configuration: configuration, workflows: workflows)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await engine.run() }
        // The figures are those of an engine that runs, not of one that is just registering.
        _ = try await engine.start(ManySteps.self, 1).result()
        try await body(engine)
        group.cancelAll()
        try await group.waitForAll()
    }
    await engine.close()
}

/// Durable steps per second: 10-step workflows, 2,000 in flight.
func stepsPerSecond(_ store: Store, workflows count: Int, inFlight: Int = 2_000) async throws -> Double {
    var rate = 0.0
    try await withEngine(store) {
        TenSteps()
        ManySteps()
    } _: { engine in
        let elapsed = try await seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<inFlight {
                    group.addTask {
                        for order in stride(from: lane, to: count, by: inFlight) {
                            let sum = try await engine.start(TenSteps.self, order).result()
                            precondition(sum == 45)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        rate = Double(count * 10) / elapsed
    }
    return rate
}

/// Seconds for each step of one workflow of sequential steps.
func secondsPerSequentialStep(_ store: Store, steps: Int) async throws -> Double {
    var each = 0.0
    try await withEngine(store) {
        ManySteps()
    } _: { engine in
        _ = try await engine.start(ManySteps.self, 200).result()
        let elapsed = try await seconds { _ = try await engine.start(ManySteps.self, steps).result() }
        each = elapsed / Double(steps)
    }
    return each
}
