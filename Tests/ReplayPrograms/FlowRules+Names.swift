package import Perdure

extension FlowRules {
    /// Each rule with its name.
    package static let named: [(name: String, rule: FlowRules)] = [
        ("firstInFirstOut", .firstInFirstOut), ("hopsGoFirst", .hopsGoFirst), ("completionsWait", .completionsWait),
    ]

    package static func named(_ name: String) -> FlowRules? { named.first { $0.name == name }?.rule }
}
