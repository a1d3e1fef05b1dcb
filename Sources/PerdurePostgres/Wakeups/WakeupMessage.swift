internal import Perdure

/// Hints as payloads of notifications: ids only, and always short enough for Postgres, which takes less than 8,000 bytes.
enum WakeupMessage {
    /// Numbers in one payload: 16 digits and a comma each.
    private static let page = 400
    /// Beyond this many payloads of endings it is cheaper for everybody to look for themselves.
    private static let most = 10

    static func payloads(_ wakeups: [Wakeup]) -> [String] {
        var (ready, inbox, settings, everything) = (false, false, false, false)
        var (ended, published): ([WorkflowNumber], [WorkflowNumber]) = ([], [])
        for wakeup in wakeups {
            switch wakeup {
            case .ready: ready = true
            case .inbox: inbox = true
            case .settings: settings = true
            case .everything: everything = true
            case .ended(let numbers): ended += numbers
            case .published(let numbers): published += numbers
            }
        }
        if everything || ended.count + published.count > page * most { return ["*"] }
        var payloads: [String] = []
        if ready { payloads.append("r") }
        if inbox { payloads.append("i") }
        if settings { payloads.append("s") }
        return payloads + pages("e", ended) + pages("p", published)
    }

    private static func pages(_ letter: String, _ numbers: [WorkflowNumber]) -> [String] {
        stride(from: 0, to: numbers.count, by: page).map { start in
            letter + numbers[start..<min(start + page, numbers.count)].map { String($0, radix: 16) }.joined(separator: ",")
        }
    }

    /// A payload of nobody's making is a hint that something happened.
    static func wakeup(_ payload: String) -> Wakeup {
        switch payload.first {
        case "r": return .ready
        case "i": return .inbox
        case "s": return .settings
        case "e": return numbers(payload).map(Wakeup.ended) ?? .everything
        case "p": return numbers(payload).map(Wakeup.published) ?? .everything
        default: return .everything
        }
    }

    private static func numbers(_ payload: String) -> [WorkflowNumber]? {
        let numbers = payload.dropFirst().split(separator: ",").map { WorkflowNumber($0, radix: 16) }
        return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
    }

    static func channel(_ schema: SchemaName) -> String { "perdure_" + String(schema.hash, radix: 16) }
}
