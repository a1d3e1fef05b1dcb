public import FoundationEssentials

/// One of the runs under an id, and where it came from.
public struct WorkflowRun: Sendable, Hashable {
    /// How a run came of an earlier one.
    public enum Kind: String, Sendable, Hashable {
        /// From the beginning.
        case restarted
        /// With a part of the earlier history.
        case forked
        /// With the earlier history up to what made it fail.
        case rewound
        /// As that to which the earlier one was continued.
        case continued

        init(_ kind: RunKind) {
            self =
                switch kind {
                case .restarted: .restarted
                case .forked: .forked
                case .rewound: .rewound
                case .continued: .continued
                }
        }
    }

    /// The earlier run that a run came of.
    public struct Link: Sendable, Hashable {
        /// The earlier run.
        public var previous: String
        /// How this one came of it.
        public var kind: Kind
        /// The step before which the earlier history ends in it; nil if all of it was taken over, or nothing.
        public var step: String?
        /// Who asked for it.
        public var by: String?
        /// Why.
        public var reason: String?
        /// When.
        public var at: Date

        init(_ link: RunLink) {
            previous = Names.publicID(link.previous)
            kind = Kind(link.kind)
            (step, by, reason) = (link.step, link.by, link.reason)
            at = Date(timeIntervalSince1970: Double(link.at) / 1_000_000)
        }
    }

    /// The run itself: the same for as long as it is kept, whatever comes after it under the id.
    public var run: String
    /// Where it came from; nil if somebody started it.
    public var link: Link?
    /// Where it is in its life.
    public var state: WorkflowStatus.State
    /// When it was started.
    public var createdAt: Date
    /// When it ended.
    public var finishedAt: Date?

    init(_ status: WorkflowStatus) {
        (run, link, state) = (status.run, status.link, status.state)
        (createdAt, finishedAt) = (status.createdAt, status.finishedAt)
    }
}
