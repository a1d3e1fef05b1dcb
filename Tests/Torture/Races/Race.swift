import Foundation
import Perdure

/// Two who want something of one workflow at the same time.
///
/// One of them is held up before or after one of its statements, while the other does all that it wants, if it is not made to wait.
struct Race: Sendable {
    enum Side: Sendable {
        /// The engine that runs the workflow.
        case engine
        /// A client, which is on its way when the workflow is where `contend` expects it.
        case client
    }

    let name: String
    let bout: Bout
    let held: Side
    /// The state in which a client's race begins.
    var from: WorkflowStatus.State?
    /// What the client that is held wants.
    var contend: @Sendable (Corner, Client) async throws -> Void = { _, _ in }
    /// What the other wants.
    let rival: @Sendable (Corner) async throws -> Void
    /// What is wrong in the end, beside what no race may leave behind.
    let judge: @Sendable (Corner, WorkflowStatus) async throws -> [String]
}

extension Race {
    static let all: [Race] = [
        cancelFinish, terminateFinish, pauseFinish, messageTimeout, requestFinish, handAttempt, cancelFamily, rewindRewind, restartRewind,
        cancelCancel,
        pauseCancel, pausePause, startStart, messageMove, cancelMove, terminateMove, pauseMove, moveMessage, moveCancel,
    ]

    private static let cancelFinish = Race(
        name: "cancel against finish", bout: .finish, held: .engine, rival: { try await $0.handle().cancel() },
        judge: { corner, status in
            try await oneOf([.completed, .cancelled], status) + corner.judgeRows(status.state == .completed ? 1...1 : 0...1)
        })

    private static let terminateFinish = Race(
        name: "terminate against finish", bout: .finish, held: .engine, rival: { try await $0.handle().terminate() },
        judge: { corner, status in
            try await oneOf([.completed, .terminated], status) + corner.judgeRows(status.state == .completed ? 1...1 : 0...1)
        })

    /// Whoever has paused it resumes it: it goes on as if nothing had been.
    private static let pauseFinish = Race(
        name: "pause against finish", bout: .finish, held: .engine,
        rival: { corner in
            let handle = try await corner.handle()
            try await corner.unless([.ended]) { try await handle.pause(by: "the rival") }
            _ = try await handle.resume(by: "the rival")
        },
        judge: { corner, status in try await oneOf([.completed], status) + corner.judgeRows(1...1) })

    private static let messageTimeout = Race(
        name: "message against timeout", bout: .patience, held: .engine,
        rival: { try await $0.handle().send(.bell, "ding", key: "once") },
        judge: { corner, status in
            try await oneOf([.completed], status) + corner.judgeResult(["in time: ding", "late: ding"])
        })

    /// An answer, or a word that there will be none.
    private static let requestFinish = Race(
        name: "request against finish", bout: .office, held: .engine,
        rival: { corner in
            let handle = try await corner.handle()
            try await corner.unless([.ended]) {
                let answer = try await handle.request(.double, 21, key: "once", timeout: .seconds(20))
                guard answer == 42 else { throw TookTooLong(what: "the answer 42, instead of \(answer)") }
            }
        },
        judge: { corner, status in try await oneOf([.completed], status) + corner.judgeRows(1...1) })

    /// Before its first failure there is nothing to complete, and after its end there is nothing any more.
    private static let handAttempt = Race(
        name: "completion by hand against an attempt", bout: .repair, held: .engine,
        rival: { corner in
            let handle = try await corner.handle()
            try await corner.unless([.stepNotPending, .stepCompleted, .ended]) {
                try await handle.complete(step: "work", with: "hand", by: "the rival")
            }
        },
        judge: { corner, status in
            try await oneOf([.completed], status) + corner.judgeResult(corner.wasRefused ? ["attempt"] : ["attempt", "hand"])
        })

    private static let cancelFamily = Race(
        name: "cancel against a child", bout: .family, held: .engine, rival: { try await $0.handle().cancel() },
        judge: { corner, status in
            try await oneOf([.completed, .cancelled], status) + corner.judgeRows(status.state == .completed ? 1...1 : 0...1)
                + corner.judgeChild()
        })

    private static let rewindRewind = Race(
        name: "resume against resume", bout: .failure, held: .client, from: .failed,
        contend: { corner, client in
            try await corner.unless(corner.superseded) { try await client.rewind(corner.id) }
        },
        rival: { corner in try await corner.unless(corner.superseded) { try await corner.client.rewind(corner.id) } },
        judge: { corner, status in
            try await oneOf([.completed], status) + corner.judgeSuccessors(1...1) + corner.judgeRows(1...1)
        })

    /// What begins when the other has ended is a run more.
    private static let restartRewind = Race(
        name: "restart against resume", bout: .failure, held: .client, from: .failed,
        contend: { corner, client in
            try await corner.unless(corner.superseded) { try await client.restart(corner.id) }
        },
        rival: { corner in try await corner.unless(corner.superseded) { try await corner.client.rewind(corner.id) } },
        judge: { corner, status in try await oneOf([.completed], status) + corner.judgeSuccessors(1...2) })

    private static let cancelCancel = Race(
        name: "cancel against cancel", bout: .patience, held: .client, from: .running,
        contend: { corner, client in try await client.cancel(corner.id) },
        rival: { try await $0.handle().cancel() },
        judge: { _, status in oneOf([.cancelled], status) })

    private static let pauseCancel = Race(
        name: "pause against cancel", bout: .patience, held: .client, from: .running,
        contend: { corner, client in
            try await corner.unless([.ended]) { try await client.pause(corner.id, by: "the held") }
            // A pause that comes behind the cancel is one of what the cancel has set in motion.
            try await client.resume(corner.id, by: "the held")
        },
        rival: { try await $0.handle().cancel() },
        judge: { _, status in oneOf([.cancelled], status) })

    /// Two pause it and let it go again; whoever resumes what the other has resumed finds nothing to do.
    private static let pausePause = Race(
        name: "pause and resume against the same", bout: .patience, held: .client, from: .running,
        contend: { corner, client in
            try await corner.unless([.ended]) { try await client.pause(corner.id, by: "the held") }
            try await client.resume(corner.id, by: "the held")
        },
        rival: { corner in
            let handle = try await corner.handle()
            try await corner.unless([.ended]) { try await handle.pause(by: "the rival") }
            _ = try await handle.resume(by: "the rival")
            try await corner.unless([.ended]) { try await handle.send(.bell, "ding", key: "once") }
        },
        judge: { corner, status in
            try await oneOf([.completed], status) + corner.judgeResult(["in time: ding", "late: ding"])
        })

    private static let startStart = Race(
        name: "start against start", bout: .finish, held: .client,
        contend: { corner, client in try await client.start(Contender.self, .finish, id: corner.id) },
        rival: { corner in try await corner.client.start(Contender.self, .finish, id: corner.id) },
        judge: { corner, status in try await oneOf([.completed], status) + corner.judgeRows(1...1) })

    /// True if somebody has to start the workflow before the race begins.
    var isAboutOneThatIsThere: Bool { held == .engine || from != nil }

    static func oneOf(_ states: [WorkflowStatus.State], _ status: WorkflowStatus) -> [String] {
        states.contains(status.state) ? [] : ["it is \(status.state.rawValue)"]
    }
}
