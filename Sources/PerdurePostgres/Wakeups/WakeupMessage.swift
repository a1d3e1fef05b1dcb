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
        var freed: [LimitID] = []
        for wakeup in wakeups {
            switch wakeup {
            case .ready: ready = true
            case .inbox: inbox = true
            case .settings: settings = true
            case .everything: everything = true
            case .ended(let numbers): ended += numbers
            case .published(let numbers): published += numbers
            case .freed(let limits): freed += limits
            }
        }
        if everything || ended.count + published.count > page * most { return ["*"] }
        var payloads: [String] = []
        if ready { payloads.append("r") }
        if inbox { payloads.append("i") }
        if settings { payloads.append("s") }
        if !freed.isEmpty { payloads.append("f" + list(freed)) }
        return payloads + pages("e", ended) + pages("p", published)
    }

    /// As many as fit: the others are asked again soon anyhow.
    private static func list(_ limits: [LimitID]) -> String {
        var text = ""
        for limit in limits {
            let word = hex(limit.queue) + (limit.key.map { ":" + hex($0) } ?? "")
            if text.utf8.count + word.utf8.count > 7_000 { break }
            text += (text.isEmpty ? "" : ",") + word
        }
        return text
    }

    private static func hex(_ text: String) -> String {
        text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func text(hex: Substring) -> String? {
        let digits = Array(hex)
        guard digits.count.isMultiple(of: 2) else { return nil }
        let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
        return bytes.contains(nil) ? nil : String(validating: bytes.compactMap(\.self), as: UTF8.self)
    }

    private static func limits(_ payload: String) -> [LimitID]? {
        let limits = payload.dropFirst().split(separator: ",").map { word -> LimitID? in
            let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let queue = text(hex: parts[0]) else { return nil }
            if parts.count == 1 { return LimitID(queue: queue) }
            return text(hex: parts[1]).map { LimitID(queue: queue, key: $0) }
        }
        return limits.contains(nil) ? nil : limits.compactMap(\.self)
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
        case "f": return limits(payload).map(Wakeup.freed) ?? .everything
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
