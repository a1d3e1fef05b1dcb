internal import Perdure

/// Hints as payloads of notifications: ids only, and always short enough for Postgres, which takes less than 8,000 bytes.
enum WakeupMessage {
    /// Numbers in one payload: 16 digits and a comma each.
    private static let page = 400
    /// Beyond this many payloads of endings it is cheaper for everybody to look for themselves.
    private static let most = 10

    static func payloads(_ wakeups: [Wakeup]) -> [String] {
        var (ready, inbox, settings, everything) = (false, false, false, false)
        var ended: [WorkflowNumber] = []
        for wakeup in wakeups {
            switch wakeup {
            case .ready: ready = true
            case .inbox: inbox = true
            case .settings: settings = true
            case .everything: everything = true
            case .ended(let numbers): ended += numbers
            }
        }
        if everything || ended.count > page * most { return ["*"] }
        var payloads: [String] = []
        if ready { payloads.append("r") }
        if inbox { payloads.append("i") }
        if settings { payloads.append("s") }
        for start in stride(from: 0, to: ended.count, by: page) {
            let numbers = ended[start..<min(start + page, ended.count)]
            payloads.append("e" + numbers.map { String($0, radix: 16) }.joined(separator: ","))
        }
        return payloads
    }

    /// A payload of nobody's making is a hint that something happened.
    static func wakeup(_ payload: String) -> Wakeup {
        switch payload.first {
        case "r": return .ready
        case "i": return .inbox
        case "s": return .settings
        case "e":
            let numbers = payload.dropFirst().split(separator: ",").map { WorkflowNumber($0, radix: 16) }
            return numbers.contains(nil) ? .everything : .ended(numbers.compactMap { $0 })
        default: return .everything
        }
    }

    static func channel(_ schema: SchemaName) -> String { "perdure_" + String(schema.hash, radix: 16) }
}
