public import FoundationEssentials

/// Something that an operator has done to a workflow, as it is recorded.
public struct Intervention: Sendable, Hashable {
    /// What was done; more kinds may be added.
    public struct Kind: Sendable, Hashable, CustomStringConvertible {
        package let kind: InterventionKind

        /// The next attempt of a step begins at once.
        public static let retryStep = Kind(kind: .retryStep)
        /// A step was given its result.
        public static let completeStep = Kind(kind: .completeStep)
        /// A step was given its error.
        public static let failStep = Kind(kind: .failStep)
        /// A step was left out.
        public static let skipStep = Kind(kind: .skipStep)

        /// The workflow was paused.
        public static let pause = Kind(kind: .pause)
        /// The workflow was resumed.
        public static let resume = Kind(kind: .resume)
        /// The workflow was asked to cancel.
        public static let cancel = Kind(kind: .cancel)
        /// The workflow was terminated.
        public static let terminate = Kind(kind: .terminate)
        /// Attributes of the workflow were changed.
        public static let setAttributes = Kind(kind: .setAttributes)
        /// A message was discarded that had not been received.
        public static let discardMessage = Kind(kind: .discardMessage)

        /// The word of the view.
        public var description: String { kind.rawValue }
    }

    /// What has become of it.
    public enum State: String, Sendable, Hashable {
        /// The engine that has the workflow, or will have it, has not taken it yet.
        case onItsWay = "on its way"
        /// It was done.
        case applied
        /// It came too late, or there was no such step.
        case withoutEffect = "without effect"
    }

    /// What was done.
    public var kind: Kind
    /// The key of the step that it is about, or the topic of the message.
    public var step: String?
    /// Who did it.
    public var by: String
    /// Why.
    public var reason: String?
    /// When it was asked for.
    public var askedAt: Date
    /// What has become of it.
    public var state: State

    package init(_ record: InterventionRecord) {
        kind = Kind(kind: record.kind)
        step = record.step
        by = record.instruction.by
        reason = record.instruction.reason
        askedAt = Date(timeIntervalSince1970: Double(record.instruction.at) / 1_000_000)
        state =
            switch record.state {
            case .onItsWay: .onItsWay
            case .applied: .applied
            case .withoutEffect: .withoutEffect
            }
    }
}
