import Dispatch
import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// A workflow whose code is a closure.
struct Act: Workflow {
    static let name = "act"
    let code: @Sendable (WorkflowContext) async throws -> String

    init(_ code: @escaping @Sendable (WorkflowContext) async throws -> String) { self.code = code }

    func run(_ input: String, in context: WorkflowContext) async throws -> String { try await code(context) }
}

/// Runs beside the others, to see that they do not disturb it.
struct Bystander: Workflow {
    static let name = "bystander"

    func run(_ steps: Int, in context: WorkflowContext) async throws -> [Int] {
        var seen: [Int] = []
        for index in 0..<steps {
            async let one = context.step("walk", id: index) { index }
            try await context.sleep(for: .microseconds(200))
            seen.append(try await one)
        }
        return seen
    }
}

/// What came of a workflow that was to be stopped.
struct Stopped {
    /// The reason for which it was set aside.
    var reason: String
    /// The keys of its history.
    var keys: [String]
    /// What the code itself was told.
    var seen: [WorkflowError.Code]
}

/// Runs `code`, which must be set aside, beside workflows that must not notice.
func stopped(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ code: @escaping @Sendable (WorkflowContext, _ tell: @escaping @Sendable (any Error) -> Void) async throws -> String
) async throws -> Stopped {
    let database = MemoryDatabase()
    let seen = Lock<[WorkflowError.Code]>([])
    let tell: @Sendable (any Error) -> Void = { error in
        if let error = error as? WorkflowError { seen.withLock { $0.append(error.code) } }
    }
    var reason = ""
    var keys: [String] = []
    try await withEngine(store: .memory(database), configuration: .patient) {
        Bystander()
        Act { context in
            do {
                return try await code(context, tell)
            } catch {
                tell(error)
                throw error
            }
        }
    } body: { engine in
        var bystanders: [WorkflowHandle<[Int]>] = []
        for _ in 0..<4 { bystanders.append(try await engine.start(Bystander.self, 8)) }
        let act = try await engine.start(Act.self, "", id: "act")
        let error = await #expect(throws: WorkflowError.self, sourceLocation: sourceLocation) { try await act.result() }
        #expect(error?.code == .setAside, sourceLocation: sourceLocation)
        let status = try await act.status()
        #expect(status.state == .setAside, sourceLocation: sourceLocation)
        reason = status.reason ?? ""
        for bystander in bystanders {
            #expect(try await bystander.result() == Array(0..<8), sourceLocation: sourceLocation)
        }
        keys = database.copy(of: act.number)?.steps.map(\.key) ?? []
        #expect(database.copy(of: act.number)?.outcome == nil, sourceLocation: sourceLocation)
    }
    return Stopped(reason: reason, keys: keys, seen: seen.withLock { $0 })
}

/// Runs `code` to its end, then over its own history, in which no body may run again; returns the result, which is the same both times.
@discardableResult
func replayed(
    sourceLocation: SourceLocation = #_sourceLocation, _ code: @escaping @Sendable (WorkflowContext) async throws -> String
) async throws -> String {
    let first = MemoryDatabase()
    let result = Lock("")
    let number = Lock<WorkflowNumber>(0)
    try await withEngine(store: .memory(first), configuration: .patient) {
        Act(code)
    } body: { engine in
        let act = try await engine.start(Act.self, "")
        let text = try await act.result()
        result.withLock { $0 = text }
        number.withLock { $0 = act.number }
    }
    let recorded = try #require(first.copy(of: number.withLock { $0 }))
    let second = MemoryDatabase()
    second.insert(recorded.reopened(keeping: recorded.steps.count))
    try await withEngine(store: .memory(second), configuration: .patient) {
        Act(code)
    } body: { engine in
        let act = try await engine.handle(of: Act.self, id: Names.publicID(recorded.record.number))
        #expect(try await act.result() == result.withLock { $0 }, sourceLocation: sourceLocation)
        let again = second.copy(of: recorded.record.number)?.steps.map(\.key) ?? []
        #expect(again.starts(with: recorded.steps.map(\.key)), sourceLocation: sourceLocation)
    }
    return result.withLock { $0 }
}

extension EngineConfiguration {
    /// Loses no lease, however busy the machine is.
    static var patient: EngineConfiguration {
        var configuration = EngineConfiguration.test
        configuration.lease = .seconds(60)
        return configuration
    }
}

extension WorkflowCopy {
    /// Unfinished, with the first rows of its history.
    func reopened(keeping count: Int) -> WorkflowCopy {
        var copy = self
        copy.outcome = nil
        copy.steps = Array(steps.prefix(count))
        return copy
    }
}

/// Holds a thread until the test lets it go.
final class Blocker: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }
    func wait() { semaphore.wait() }
}
