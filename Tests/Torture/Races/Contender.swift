import Foundation
import Perdure

extension Topic where Message == String {
    static let bell = Topic("bell")
    static let whistle = Topic("whistle")
}
extension RequestKey where Input == Int, Output == Int { static let double = RequestKey("double") }

/// What a race is about.
enum Bout: String, Codable, Sendable {
    /// A step, rows of the user's, and the end.
    case finish
    /// A message that may come too late, and is then taken by the next who asks.
    case patience
    /// A step that fails until the gym is mended.
    case failure
    /// A step that fails once, and may be completed by hand meanwhile.
    case repair
    /// A child that is asleep for a moment, and its end.
    case family
    case leaf
    /// It answers for a moment, and ends.
    case office
    /// It goes on as a new run, at once or when it is called, and that waits for a message.
    case moving
    case called
    case moved
}

/// What the contenders of one race share: it is outside their steps, as the world is.
final class Gym: Sendable {
    private let mended = Lock(false)

    var isMended: Bool { mended.withLock { $0 } }
    func mend() { mended.withLock { $0 = true } }
}

/// The workflow that two want something of at the same time.
struct Contender: Workflow {
    let gym: Gym

    struct Mishap: Error {}

    func run(_ bout: Bout, in context: WorkflowContext) async throws -> String {
        switch bout {
        case .finish:
            let first = try await context.step("a") { "a" }
            return first + (try await row("t", context))
        case .patience:
            if let early = try await context.receive(.bell, timeout: .milliseconds(60)) { return "in time: \(early)" }
            return "late: \(try await context.receive(.bell))"
        case .failure:
            let first = try await row("t", context)
            return try await first + context.step("b", retry: .none) { if gym.isMended { "b" } else { throw Mishap() } }
        case .repair:
            return try await context.step("work", retry: .fixed(attempts: 3, interval: .milliseconds(150))) { step in
                if step.attempt == 1 { throw Mishap() }
                return "attempt"
            }
        case .family:
            let child = try await context.child(Contender.self, .leaf, id: context.workflowID + "/leaf")
            return child + (try await row("t", context))
        case .office:
            return try await context.answering(.double) {
                $0 * 2
            } while: {
                try await context.sleep(for: .milliseconds(40))
                return try await row("t", context)
            }
        case .moving:
            try await context.step("a") {}
            try continueAsNew(.moved, in: context)
        case .called:
            _ = try await context.receive(.whistle)
            try continueAsNew(.moved, in: context)
        case .moved: return "heard: \(try await context.receive(.bell))"
        case .leaf:
            try await context.sleep(for: .milliseconds(30))
            return try await row("t", context)
        }
    }

    /// No unique key: it would hide a second row.
    private func row(_ key: String, _ context: WorkflowContext) async throws -> String {
        try await context.transaction(key) { db in
            try await db.execute("INSERT INTO public.ledger (workflow, key, value) VALUES (\(context.workflowID), \(key), '')")
            return key
        }
    }
}
