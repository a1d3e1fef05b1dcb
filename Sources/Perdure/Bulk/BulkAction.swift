/// What bulk work does to each workflow; see <doc:Operations>.
///
/// More may be added.
public struct BulkAction: Sendable, Hashable, CustomStringConvertible {
    enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case cancel, terminate, pause, resume, rewind, restart
        case retryNow = "retry now"
        case setAttributes = "set attributes"
    }

    let kind: Kind
    let attributes: AttributeChanges?

    private init(_ kind: Kind, _ attributes: AttributeChanges? = nil) { (self.kind, self.attributes) = (kind, attributes) }

    /// Asks those that are open to cancel; see ``WorkflowHandle/cancel(by:reason:)``.
    public static let cancel = BulkAction(.cancel)
    /// Ends those that are open without running their code; see ``WorkflowHandle/terminate(by:reason:)``.
    public static let terminate = BulkAction(.terminate)
    /// Pauses those that are open; see ``WorkflowHandle/pause(by:reason:)``.
    public static let pause = BulkAction(.pause)
    /// Brings those back that are paused or were set aside; see ``WorkflowHandle/resume(by:reason:)``.
    public static let resume = BulkAction(.resume)
    /// Has all steps that wait for their next attempt begin it at once; see ``WorkflowHandle/retryNow(step:by:reason:)``.
    public static let retryNow = BulkAction(.retryNow)
    /// Goes on where those failed that did not complete; see ``WorkflowHandle/rewind(options:in:)``.
    public static let rewind = BulkAction(.rewind)
    /// Starts those that have ended again from the beginning; see ``WorkflowHandle/restart(options:in:)``.
    public static let restart = BulkAction(.restart)

    /// Changes what they are found by; of nil an attribute is removed: ``WorkflowHandle/setAttributes(_:by:reason:)``.
    public static func setAttributes(_ changes: [String: SearchAttribute?]) -> BulkAction {
        BulkAction(.setAttributes, AttributeChanges(changes))
    }

    /// The words of it.
    public var description: String { kind.rawValue }

    /// The states in which it means something; others are not even looked for.
    var states: Set<WorkflowStatus.State> {
        switch kind {
        case .cancel, .terminate, .retryNow: WorkflowStatus.State.openStates
        case .pause: WorkflowStatus.State.openStates.subtracting([.paused, .setAside])
        case .resume: [.paused, .setAside]
        case .rewind: WorkflowStatus.State.closedStates.subtracting([.completed])
        case .restart: WorkflowStatus.State.closedStates
        case .setAttributes: WorkflowStatus.State.allStates
        }
    }

    func check() throws(WorkflowError) {
        guard kind == .setAttributes else { return }
        guard let attributes, !attributes.isEmpty else {
            throw WorkflowError(
                .invalidAttribute, "`setAttributes` changes nothing: give it one attribute at least, or nil for one to be removed")
        }
        try attributes.check()
    }
}

/// As `{"kind": "cancel"}`.
extension BulkAction: Codable {
    private enum CodingKeys: String, CodingKey { case kind, attributes }

    /// Reads the stored form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kind = try container.decode(Kind.self, forKey: .kind)
        attributes = try container.decodeIfPresent(AttributeChanges.self, forKey: .attributes)
    }

    /// Writes the stored form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encodeIfPresent(attributes, forKey: .attributes)
    }
}
