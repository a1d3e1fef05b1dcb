import Foundation
import Perdure
import Testing

/// Whose turn it is, and who is inside at the same time; and where those who are inside wait.
final class Watch: Sendable {
    struct Seen: Sendable {
        var inside: [Job.Input] = []
        var begun: [Job.Input] = []
        /// The most that were inside at the same time.
        var most = 0
        var mostOfKey = 0
        var mostInEngine: [Int: Int] = [:]
        var moments: [ContinuousClock.Instant] = []
    }

    private struct State {
        var seen = Seen()
        var engines: [Int: Int] = [:]
        var isOpen: Bool
        var passes = 0
    }

    private let state: Lock<State>

    /// - Parameter isOpen: Nobody waits inside.
    init(isOpen: Bool = true) { state = Lock(State(isOpen: isOpen)) }

    var seen: Seen { state.withLock { $0.seen } }
    var inside: [String] { seen.inside.map(\.name) }
    var begun: [String] { seen.begun.map(\.name) }

    func open() { state.withLock { $0.isOpen = true } }

    /// Lets one of those that are inside go.
    func letOneGo() { state.withLock { $0.passes += 1 } }

    func pass(_ input: Job.Input, in engine: Int) async throws {
        state.withLock { state in
            state.seen.inside.append(input)
            state.seen.begun.append(input)
            state.seen.moments.append(ContinuousClock.now)
            state.engines[engine, default: 0] += 1
            state.seen.most = max(state.seen.most, state.seen.inside.count)
            state.seen.mostOfKey = max(state.seen.mostOfKey, state.seen.inside.count { $0.key == input.key })
            state.seen.mostInEngine[engine] = max(state.seen.mostInEngine[engine] ?? 0, state.engines[engine] ?? 0)
        }
        defer {
            state.withLock { state in
                if let index = state.seen.inside.firstIndex(of: input) { state.seen.inside.remove(at: index) }
                state.engines[engine, default: 0] -= 1
            }
        }
        try await Task.sleep(for: .milliseconds(input.milliseconds))
        while !mayGo() { try await Task.sleep(for: .milliseconds(2)) }
    }

    private func mayGo() -> Bool {
        state.withLock { state in
            if state.isOpen { return true }
            guard state.passes > 0 else { return false }
            state.passes -= 1
            return true
        }
    }
}

/// Does nothing, where it is seen.
struct Job: Workflow {
    struct Input: Codable, Sendable, Hashable {
        var name: String
        var key = ""
        var milliseconds = 0
    }

    static let name = "Job"
    let watch: Watch
    var engine = 0

    func run(_ input: Input, in context: WorkflowContext) async throws -> String {
        try await context.step("work") { try await watch.pass(input, in: engine) }
        return input.name
    }
}

/// Engines need connections, and a server has only so many.
struct FewAtOnce: SuiteTrait, TestTrait, TestScoping {
    private static let places = Lock(3)
    var isRecursive: Bool { true }

    func provideScope(for test: Test, testCase: Test.Case?, performing body: @concurrent @Sendable () async throws -> Void) async throws {
        guard testCase != nil else { return try await body() }
        while !Self.places.withLock({ places in
            defer { places = max(0, places - 1) }
            return places > 0
        }) { try await Task.sleep(for: .milliseconds(5)) }
        defer { Self.places.withLock { $0 += 1 } }
        try await body()
    }
}

extension Trait where Self == FewAtOnce {
    static var fewAtOnce: FewAtOnce { FewAtOnce() }
}

/// Runs engines while the body runs.
func running(_ engines: [Engine], _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for engine in engines { group.addTask { try await engine.run() } }
        defer { group.cancelAll() }
        try await body()
    }
    for engine in engines { await engine.close() }
}

/// So many engines that run jobs of these queues.
func engines(_ count: Int, on store: Store, _ watch: Watch, _ queues: Queue...) async throws -> [Engine] {
    var engines: [Engine] = []
    for index in 0..<count {
        engines.append(
            try await Engine(store: store, configuration: .test) {
                Job(watch: watch, engine: index)
                for queue in queues { queue }
            })
    }
    return engines
}

func jobs(_ count: Int, key: String = "", milliseconds: Int = 0, from first: Int = 0) -> [Job.Input] {
    (first..<(first + count)).map { Job.Input(name: "\(key)\($0)", key: key, milliseconds: milliseconds) }
}

/// Asks again and again, until it is so or the time is up.
func eventually(
    _ what: String, within limit: Duration = .seconds(30), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else {
            Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
            throw TimedOut(what: what)
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct TimedOut: Error { var what: String }

extension [WorkflowHandle<String>] {
    func results() async throws -> [String] {
        var results: [String] = []
        for handle in self { results.append(try await handle.result()) }
        return results
    }
}
