internal import FoundationEssentials

/// What can tell apart steps of one name.
public protocol StepID: Sendable {
    /// The text that goes into the step's key.
    var stepID: String { get }
}

extension String: StepID {
    /// Itself.
    public var stepID: String { self }
}

extension Int: StepID {
    /// In decimal.
    public var stepID: String { String(self) }
}

extension Int64: StepID {
    /// In decimal.
    public var stepID: String { String(self) }
}
