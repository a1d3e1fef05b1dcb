import Perdure

// Somebody wants something of a workflow that goes on as a new run: it reaches the one or the other, and is not lost between them.
extension Race {
    static let messageMove = Race(
        name: "message against continuation", bout: .moving, held: .engine,
        rival: { try await $0.handle().send(.bell, "ding", key: "once") },
        judge: { corner, status in try await oneOf([.completed], status) + heard(corner) })

    static let cancelMove = Race(
        name: "cancel against continuation", bout: .moving, held: .engine, rival: { try await $0.handle().cancel() },
        judge: { corner, status in try await oneOf([.cancelled], status) + corner.judgeSuccessors(0...1) })

    static let terminateMove = Race(
        name: "terminate against continuation", bout: .moving, held: .engine, rival: { try await $0.handle().terminate() },
        judge: { corner, status in try await oneOf([.terminated], status) + corner.judgeSuccessors(0...1) })

    /// Whoever has paused it resumes it, and tells it what it waits for.
    static let pauseMove = Race(
        name: "pause against continuation", bout: .moving, held: .engine,
        rival: { corner in
            let handle = try await corner.handle()
            try await handle.pause(by: "the rival")
            _ = try await handle.resume(by: "the rival")
            try await handle.send(.bell, "ding")
        },
        judge: { corner, status in try await oneOf([.completed], status) + heard(corner) })

    /// The sender is held up while the workflow goes on.
    static let moveMessage = Race(
        name: "continuation against message", bout: .called, held: .client, from: .running,
        contend: { corner, client in
            try await client.transaction { db in try await client.send(to: corner.id, .bell, "ding", in: db) }
        },
        rival: { try await moves($0) },
        judge: { corner, status in try await oneOf([.completed], status) + heard(corner) })

    static let moveCancel = Race(
        name: "continuation against cancel", bout: .called, held: .client, from: .running,
        contend: { corner, client in try await client.cancel(corner.id) },
        rival: { try await moves($0) },
        judge: { corner, status in try await oneOf([.cancelled], status) + corner.judgeSuccessors(0...1) })

    private static func moves(_ corner: Corner) async throws {
        let first = try await corner.handle()
        try await corner.unless([.ended]) { try await first.send(.whistle, "go") }
        try await eventually("it goes on, or has ended", within: .seconds(20)) { try await first.status().state.isClosed }
    }

    private static func heard(_ corner: Corner) async throws -> [String] {
        try await corner.judgeResult(["heard: ding"]) + corner.judgeSuccessors(1...1)
    }
}
