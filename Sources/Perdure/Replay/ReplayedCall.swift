/// A call of a workflow's context: what a history holds, or what the code asks for.
public struct ReplayedCall: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The key: the step's name, then `name#2`; calls that have no name begin with `@`.
    public var key: String
    /// "step", "transaction", "timer", "child start" and so on, as in the view `workflow_steps`.
    public var kind: String

    /// The key and the kind.
    public var description: String { "'\(key)' (\(kind))" }

    init(key: String, kind: StepKind) {
        self.key = key
        self.kind = kind.words
    }
}

extension StepKind {
    /// For people, as in the views.
    package var words: String { spacedWords("\(self)") }

    package init?(words: String) {
        guard let kind = (1...64).lazy.compactMap({ StepKind(rawValue: $0) }).first(where: { $0.words == words }) else { return nil }
        self = kind
    }
}

/// "childStart" as "child start".
package func spacedWords(_ name: String) -> String {
    name.reduce(into: "") { words, character in words += character.isUppercase ? " \(character.lowercased())" : "\(character)" }
}
