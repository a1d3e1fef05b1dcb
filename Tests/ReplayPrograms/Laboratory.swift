internal import Perdure
internal import PerdureMemory

/// What a step of a program returns: where it was asked for, and a number that no second run of the body would return.
package struct Value: Codable, Sendable, Hashable {
    package var place: String
    package var nonce: UInt64
}

package struct Refused: Error, Codable, Sendable {
    package var code: Int
}

/// An error that is not among the workflow's own, so that it is recorded as another.
struct Unlisted: Error {
    var place: String
}

/// The world outside the programs: chance, work, and the book in which they write what they saw.
package final class Laboratory: Sendable {
    private struct State {
        var traces: [String: Trace] = [:]
        var violations: [String] = []
        var bodies = 0
    }

    private let state = Lock(State())
    /// Says whether a step is in the history, where that can be known.
    private let isRecorded: (@Sendable (String) -> Bool)?
    /// Not 0: helper functions hop more often than they are written to, as if another optimiser had compiled them.
    let hopProfile: UInt64
    /// Bodies take their time.
    private let hasJitter: Bool

    package init(hopProfile: UInt64 = 0, hasJitter: Bool = true, isRecorded: (@Sendable (String) -> Bool)? = nil) {
        self.hopProfile = hopProfile
        self.hasJitter = hasJitter
        self.isRecorded = isRecorded
    }

    /// A new run of a workflow begins a new trace.
    func begin(_ id: String) -> Trace {
        let trace = Trace()
        state.withLock { $0.traces[id] = trace }
        return trace
    }

    package func trace(of id: String) -> [String] { state.withLock { $0.traces[id] }?.lines ?? [] }
    package var violations: [String] { state.withLock { $0.violations } }
    package var bodies: Int { state.withLock { $0.bodies } }

    func violation(_ text: String) { state.withLock { $0.violations.append(text) } }

    /// How many hops more a helper makes at a place of a program.
    func extraHops(at path: String) -> Int {
        hopProfile == 0 ? 0 : Int(stableHash(path, from: hopProfile) % 4)
    }

    /// The body of a step.
    func perform(_ plan: StepPlan, at place: String, _ step: StepContext) async throws -> Value {
        state.withLock { $0.bodies += 1 }
        if isRecorded?(step.idempotencyKey) == true {
            violation("the body of \(step.idempotencyKey) ran though the step is in the history")
        }
        try await work(plan)
        if step.attempt <= plan.failures, let error = plan.error(at: place) { throw error }
        return Value(place: place, nonce: .random(in: 0 ... .max))
    }

    /// The body of a transaction.
    func perform(_ plan: StepPlan, at place: String) async throws -> Value {
        state.withLock { $0.bodies += 1 }
        if hasJitter { for _ in 0..<Int.random(in: 0...3) { await Task.yield() } }
        if plan.failures > 0, let error = plan.error(at: place) { throw error }
        return Value(place: place, nonce: .random(in: 0 ... .max))
    }

    private func work(_ plan: StepPlan) async throws {
        guard hasJitter else { return }
        for _ in 0..<Int.random(in: 0...6) { await Task.yield() }
        guard plan.isSlow else { return }
        let time = Duration.microseconds(Int.random(in: 0...1500))
        if plan.endsWhenCancelled { try await Task.sleep(for: time) } else { try? await Task.sleep(for: time) }
    }
}

extension StepPlan {
    fileprivate func error(at place: String) -> (any Error)? {
        switch fault {
        case .none: nil
        case .registered: Refused(code: failures)
        case .unregistered: Unlisted(place: place)
        case .cancellation: CancellationError()
        }
    }
}
