/// What becomes of a workflow's history under the code at hand.
public enum ReplayVerdict: Sendable, Hashable {
    /// Everything that is recorded was asked for, in the same way; of a workflow that has ended, it also came to the same end.
    case consistent
    /// The code does something else than the history says.
    case diverged(ReplayDivergence)
    /// All that is recorded was asked for, but the code came to another end.
    case otherOutcome(recorded: String, replayed: String)
    /// Something that is recorded cannot be decoded by this code: an input, or the result of a step.
    case undecodable(String)
    /// Something that is not recorded woke the code or called its context.
    case intrusion(String)
    /// The code waits for something that is not durable, so nothing would ever wake it.
    case stuck(String)
    /// The workflow would be set aside for another reason.
    case failed(String)
    /// No workflow of this name is registered.
    case unknownType
    /// The replay did not come to an end within its limit of time: the code loops, or blocks its thread.
    case tookTooLong

    /// True if an engine with this code would go on with the workflow.
    public var isConsistent: Bool { self == .consistent }

    /// In one word or two, for tables: "consistent", "diverged", "unknown type".
    public var name: String {
        switch self {
        case .consistent: "consistent"
        case .diverged: "diverged"
        case .otherOutcome: "other outcome"
        case .undecodable: "undecodable"
        case .intrusion: "intrusion"
        case .stuck: "stuck"
        case .failed: "failed"
        case .unknownType: "unknown type"
        case .tookTooLong: "took too long"
        }
    }

    /// What is wrong, in a sentence; nil if nothing is.
    public var reason: String? {
        switch self {
        case .consistent: nil
        case .diverged(let divergence): divergence.description
        case .otherOutcome(let recorded, let replayed): "the history ended as \(recorded), and the code ends as \(replayed)"
        case .undecodable(let reason), .intrusion(let reason), .stuck(let reason), .failed(let reason): reason
        case .unknownType: "no workflow of this name is registered"
        case .tookTooLong: "the replay did not end within its limit of time: the code loops, or blocks its thread"
        }
    }
}

/// What a replay has found.
public struct ReplayReport: Sendable, Hashable, CustomStringConvertible {
    /// The public id of the workflow.
    public var id: String
    /// Its type.
    public var workflow: String
    /// The version of the application with which it was started.
    public var version: String
    /// How many rows its history has.
    public var rows: Int
    /// What becomes of it.
    public var verdict: ReplayVerdict
    /// What the code waits for where the history ends, or where they part.
    public var waitsFor: [ReplayedCall] = []
    /// The code has come to its end.
    public var codeHasEnded = false
    /// The workflow was set aside before, and would not go on by itself anyway.
    public var wasSetAside = false

    init(_ history: RecordedHistory, _ verdict: ReplayVerdict, _ glance: ReplayGlance? = nil) {
        id = history.record.id ?? Names.publicID(history.record.number)
        workflow = history.record.lane.workflow
        version = history.record.lane.version
        rows = history.steps.count
        self.verdict = verdict
        waitsFor = glance?.asked ?? []
        codeHasEnded = glance?.result != nil
        wasSetAside = history.aside != nil
    }

    /// The workflow and the verdict, for people.
    public var description: String {
        let what = "workflow '\(id)' (\(workflow)) over \(rows) rows: \(verdict.name)"
        return verdict.reason.map { "\(what): \($0)" } ?? what
    }
}
