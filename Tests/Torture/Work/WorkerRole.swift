import Foundation
import Perdure
import PerdurePostgres

/// What this same executable is as a worker: it runs workflows until it is killed, or its standard input ends.
struct WorkerRole {
    let options: WorkerOptions

    func run() async throws {
        let scribe = Scribe(diary: try Diary(options.diary), process: options.mark)
        let engine = try await Engine(store: options.store, configuration: options.configuration) {
            switch options.work {
            case .ordeals: Ordeal(scribe: scribe)
            case .turns:
                Turn()
                for queue in Turn.queues { queue }
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            group.addTask { await endOfInput() }
            try await group.next()
            group.cancelAll()
        }
        await engine.close()
    }

    @concurrent private func endOfInput() async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                while readLine() != nil {}
                continuation.resume()
            }
        }
    }
}

/// How a worker is set up; written as arguments and read from them.
struct WorkerOptions: Codable, Sendable {
    var url: String
    var schema = "perdure"
    var diary: String
    /// Its name in the diary, and in all that it writes.
    var mark: String
    var lease: Double = 1
    var maximumInMemory = 20_000
    var hasLocks = true
    var work = Work.ordeals

    enum Work: String, Codable, Sendable {
        case ordeals
        /// What waits for its turn in queues.
        case turns
    }

    var store: Store {
        var options = PostgresOptions()
        options.advisoryLocks = hasLocks
        options.reaperPatience = min(1_000, Int(lease * 500))
        return .postgres(url, schema: schema, options: options)
    }

    var configuration: EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.lease = .seconds(lease)
        configuration.maximumInMemory = maximumInMemory
        configuration.shutdownGrace = .seconds(1)
        return configuration
    }

    /// The command that starts it.
    func command() throws -> [String] {
        [Self.executable, "worker", String(decoding: try JSONEncoder().encode(self), as: UTF8.self)]
    }

    private static let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path()

    func start(log: String) throws -> Child { try Child(command(), output: log) }
}
