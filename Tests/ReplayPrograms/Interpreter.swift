internal import FoundationEssentials
internal import Perdure

/// Carries out a program in a workflow.
///
/// Everything that its code sees is written into the trace when it sees it.
final class Interpreter: Sendable {
    let context: WorkflowContext
    let laboratory: Laboratory
    let trace: Trace
    let ledger = Ledger()

    init(context: WorkflowContext, laboratory: Laboratory, trace: Trace) {
        self.context = context
        self.laboratory = laboratory
        self.trace = trace
    }

    func run(_ operations: [Operation], _ path: String) async throws {
        for (index, operation) in operations.enumerated() { try await run(operation, "\(path).\(index)") }
    }

    private func run(_ operation: Operation, _ path: String) async throws {
        switch operation {
        case .step(let plan): try await step(plan, path)
        case .transaction(let plan): try await transaction(plan, path)
        case .sleep(let time): try await sleep(time, path)
        case .draw: draw(path)
        case .yield:
            await Task.yield()
            trace.note(path, "yielded")
        case .behind(let helper, let depth, let operations): try await behind(helper, depth, operations, path)
        case .caught(let operations): await caught(operations, path)
        case .asyncLet(let first, let second, let beside, let awaited):
            try await asyncLet(first, second, beside: beside, awaited, path)
        case .group(let kind, let children, let end): try await group(kind, children, end, path)
        case .race(let plan, let time): try await race(plan, time, path)
        case .child(let input, let use): try await child(input, use, path)
        case .ledger(let plans): try await enterLedger(plans, path)
        case .stream(let producers): try await stream(producers, path)
        case .handled(let operations): try await handled(operations, path)
        case .either(let left, let right):
            let isLeft = trace.digest % 2 == 0
            try await run(isLeft ? left : right, path + (isLeft ? "l" : "r"))
        case .patched(let new, let old):
            let isOn = try context.patched(path)
            trace.note(path, isOn ? "patched" : "not patched")
            try await run(isOn ? new : old, path + (isOn ? "n" : "o"))
        case .fail(let code):
            trace.note(path, "fails")
            throw Refused(code: code)
        }
    }
}

// MARK: - Calls of the context

extension Interpreter {
    func step(_ plan: StepPlan, _ path: String) async throws {
        await hop(path, plan.hops)
        trace.note(path, "asks")
        let laboratory = laboratory
        let retry = RetryPolicy.fixed(attempts: plan.attempts, interval: .microseconds(200))
        try await noted(path) {
            try await context.step(plan.name, id: plan.hasID ? path : nil, retry: retry, timeout: plan.timeout) { step in
                try await laboratory.perform(plan, at: path, step)
            }
        }
        await hop(path + "'")
    }

    func transaction(_ plan: StepPlan, _ path: String) async throws {
        await hop(path, plan.hops)
        trace.note(path, "asks")
        let laboratory = laboratory
        try await noted(path) {
            try await context.transaction(plan.name, id: plan.hasID ? path : nil) { _ in
                try await laboratory.perform(plan, at: path)
            }
        }
        await hop(path + "'")
    }

    private func noted(_ path: String, _ call: () async throws -> Value) async throws {
        do {
            let value = try await call()
            trace.note(path, "\(value.place)=\(value.nonce)")
            if value.place != path { laboratory.violation("\(context.workflowID): \(path) was given the value of \(value.place)") }
        } catch {
            trace.note(path, describe(error))
            throw error
        }
    }

    func sleep(_ time: Int, _ path: String) async throws {
        do {
            try await context.sleep(for: .microseconds(time))
            trace.note(path, "slept until \(now)")
        } catch {
            trace.note(path, "woken: \(describe(error))")
            throw error
        }
    }

    private func draw(_ path: String) {
        var generator = context.randomNumberGenerator()
        trace.note(path, "\(now) \(context.uuid()) \(generator.next())")
    }

    private var now: Int64 { Int64((context.now.timeIntervalSince1970 * 1_000_000).rounded()) }

    func child(_ input: ProgramInput, _ use: ChildUse, _ path: String) async throws {
        do {
            switch use {
            case .await:
                let summary = try await context.child(ProgramWorkflow.self, input)
                trace.note(path, "child \(summary.lines) \(summary.digest)")
            case .startThenAwait:
                let handle = try await context.startChild(ProgramWorkflow.self, input, id: "\(context.workflowID)\(path)")
                trace.note(path, "started \(handle.id)")
                await Task.yield()
                let summary = try await handle.result()
                trace.note(path, "child \(summary.lines) \(summary.digest)")
            case .terminate: try await startChild(input, .terminate, path)
            case .cancel: try await startChild(input, .cancel, path)
            case .abandon: try await startChild(input, .abandon, path)
            }
        } catch {
            trace.note(path, "child: \(describe(error))")
            throw error
        }
    }

    private func startChild(_ input: ProgramInput, _ policy: ParentClosePolicy, _ path: String) async throws {
        let handle = try await context.startChild(ProgramWorkflow.self, input, onClose: policy)
        trace.note(path, "started \(handle.id)")
    }
}
