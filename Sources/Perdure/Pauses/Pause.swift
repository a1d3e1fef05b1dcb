public import FoundationEssentials

/// Something that an operator has paused for all engines, or a circuit breaker that is not closed.
public struct Pause: Sendable, Hashable {
    /// What a pause is about; more kinds may be added.
    public struct Kind: Sendable, Hashable, CustomStringConvertible {
        package let kind: PauseKind

        /// A type of workflow.
        public static let workflowType = Kind(kind: .workflowType)
        /// The steps of a name.
        public static let step = Kind(kind: .step)
        /// The steps of a ``CircuitBreaker``.
        public static let circuitBreaker = Kind(kind: .breaker)

        /// The word of the view.
        public var description: String { kind.rawValue }
    }

    /// What it does.
    public enum State: String, Sendable, Hashable {
        /// Nothing begins until somebody resumes it, or until ``Pause/until``.
        case paused
        /// Of a circuit breaker: nothing begins until ``Pause/until``.
        case open
        /// Of a circuit breaker: a few attempts are let through.
        case halfOpen = "half open"
    }

    /// What it is about.
    public var kind: Kind
    /// The type, the name of the steps, or the breaker's key.
    public var name: String
    /// The one type of workflow in which steps are paused; nil: in all.
    public var workflow: String?
    /// What it does.
    public var state: State
    /// Who has paused it; of a circuit breaker that opened, "circuit breaker".
    public var by: String
    /// Why.
    public var reason: String?
    /// Since when.
    public var since: Date
    /// When it ends by itself; of a circuit breaker, when the first attempt is let through.
    public var until: Date?

    init(_ row: PauseRow, now: Microseconds) {
        kind = Kind(kind: row.subject.kind)
        name = row.subject.name
        workflow = row.subject.scope.isEmpty ? nil : row.subject.scope
        state = row.breaker.map { $0.phase(at: now) == .open ? .open : .halfOpen } ?? .paused
        (by, reason) = (row.by, row.reason)
        since = Date(timeIntervalSince1970: Double(row.since) / 1_000_000)
        until = row.until.map { Date(timeIntervalSince1970: Double($0) / 1_000_000) }
    }
}
