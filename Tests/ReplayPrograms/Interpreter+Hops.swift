internal import Perdure

/// An actor of the workflow's own.
actor Ledger {
    private var entries = 0

    func touch() {}

    func enter() async -> Int {
        entries += 1
        return entries
    }

    /// Reentrant: others enter while the step is outstanding.
    func step(_ plan: StepPlan, _ path: String, _ interpreter: Interpreter) async throws {
        entries += 1
        let before = entries
        try await interpreter.step(plan, path)
        interpreter.trace.note(path, "ledger \(before) \(entries)")
    }

    func run(_ operations: [Operation], _ path: String, _ interpreter: Interpreter) async throws {
        try await interpreter.run(operations, path)
    }
}

// How many times a task enqueues itself on its way is nobody's business but the optimiser's.
extension Interpreter {
    /// - Parameter own: The hops that are written here, of which an optimiser takes some away.
    func hop(_ path: String, _ own: Int = 0) async {
        for index in 0..<(own + laboratory.extraHops(at: path)) {
            if index % 2 == 0 { await ledger.touch() } else { await concurrently() }
        }
    }

    @concurrent private func concurrently() async {}

    @concurrent private func concurrently(_ depth: Int, _ operations: [Operation], _ path: String) async throws {
        if depth > 0 { return try await concurrently(depth - 1, operations, path) }
        try await run(operations, path)
    }

    private nonisolated(nonsending) func inline(_ depth: Int, _ operations: [Operation], _ path: String) async throws {
        if depth > 0 { return try await inline(depth - 1, operations, path) }
        try await run(operations, path)
    }

    private func mixed(_ depth: Int, _ operations: [Operation], _ path: String) async throws {
        if depth == 0 { return try await concurrently(1, operations, path) }
        _ = await ledger.enter()
        try await mixed(depth - 1, operations, path)
        await concurrently()
    }

    func behind(_ helper: Helper, _ depth: Int, _ operations: [Operation], _ path: String) async throws {
        await hop(path)
        switch helper {
        case .concurrent: try await concurrently(depth, operations, path)
        case .nonsending: try await inline(depth, operations, path)
        case .actor: try await ledger.run(operations, path, self)
        case .mixed: try await mixed(depth, operations, path)
        }
    }
}
