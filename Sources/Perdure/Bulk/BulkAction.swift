/// What bulk work does to each workflow; see <doc:Operations>.
///
/// More may be added.
public struct BulkAction: Sendable, Hashable, CustomStringConvertible {
    enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case cancel, terminate, pause, resume, rewind, restart, fork
        case skip = "skip step"
        case complete = "complete step"
        case fail = "fail step"
        case retryNow = "retry now"
        case setAttributes = "set attributes"
    }

    let kind: Kind
    private(set) var attributes: AttributeChanges?
    /// The key of the step that it is about.
    private(set) var step: String?
    /// Of a fork: who may run it.
    private(set) var version: String?
    /// Of a step: its result, or its error; nil is nothing.
    private(set) var value: JSONText?

    private init(_ kind: Kind) { self.kind = kind }

    private init(_ kind: Kind, step: String, value: JSONText? = nil) { (self.kind, self.step, self.value) = (kind, step, value) }

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
        var action = BulkAction(.setAttributes)
        action.attributes = AttributeChanges(changes)
        return action
    }

    /// Starts those that have ended anew, with their history up to a step; see ``WorkflowHandle/fork(from:options:in:)``.
    ///
    /// Those whose history does not hold the step count as failed.
    ///
    /// - Parameters:
    ///   - step: The step's key.
    ///   - version: The application version that may run the new runs; nil is that of each earlier run.
    public static func fork(from step: String, version: String? = nil) -> BulkAction {
        var action = BulkAction(.fork, step: step)
        action.version = version
        return action
    }

    /// Leaves a step out that has failed and waits for its next attempt; see ``WorkflowHandle/skip(step:by:reason:)``.
    ///
    /// This and the next pass over workflows in whose ``WorkflowStatus/pendingSteps`` the step is not.
    public static func skip(step: String) -> BulkAction { BulkAction(.skip, step: step) }

    /// Gives a step that has no result its end; see ``WorkflowHandle/complete(step:by:reason:)``.
    public static func complete(step: String) -> BulkAction { BulkAction(.complete, step: step) }

    /// Gives a step its result, the same in all workflows; see ``WorkflowHandle/complete(step:with:by:reason:)``.
    ///
    /// It is stored as JSON, whatever the codec is.
    ///
    /// - Throws: ``WorkflowError`` if it cannot be encoded.
    public static func complete<Value: Payload>(step: String, with value: Value) throws -> BulkAction {
        let payload = try PayloadCoder().encode(value, what: "the result of step '\(step)'")
        return BulkAction(.complete, step: step, value: JSONText(payload))
    }

    /// The result as it is stored; that it is JSON is the caller's word.
    package static func complete(step: String, json: String) -> BulkAction {
        BulkAction(.complete, step: step, value: JSONText(EncodedPayload(codec: 1, bytes: Array(json.utf8))))
    }

    /// Gives a step its error, the same in all workflows; see ``WorkflowHandle/fail(step:with:by:reason:)``.
    ///
    /// It is stored as JSON, whatever the codec is.
    public static func fail(step: String, with error: any Error) -> BulkAction {
        BulkAction(.fail, step: step, value: JSONText(ErrorRegistry.payload(of: error, with: PayloadCoder())))
    }

    /// The words of it.
    public var description: String { step.map { "\(kind.rawValue) '\($0)'" } ?? kind.rawValue }

    /// The states in which it means something; others are not even looked for.
    ///
    /// A run that was continued is never meant: what is done to its workflow is done to the newest of its runs.
    var states: Set<WorkflowStatus.State> {
        switch kind {
        case .cancel, .terminate, .retryNow, .skip, .complete, .fail: WorkflowStatus.State.openStates
        case .pause: WorkflowStatus.State.openStates.subtracting([.paused, .setAside])
        case .resume: [.paused, .setAside]
        case .rewind: WorkflowStatus.State.closedStates.subtracting([.completed, .continued])
        case .restart, .fork: WorkflowStatus.State.closedStates.subtracting([.continued])
        case .setAttributes: WorkflowStatus.State.allStates.subtracting([.continued])
        }
    }

    func check() throws(WorkflowError) {
        if let step { try Names.check(step, "the key of a step") }
        if let version, !version.isEmpty { try Names.check(version, "the version of a workflow") }
        guard kind == .setAttributes else { return }
        guard let attributes, !attributes.isEmpty else {
            throw WorkflowError(
                .invalidAttribute, "`setAttributes` changes nothing: give it one attribute at least, or nil for one to be removed")
        }
        try attributes.check()
    }
}

/// JSON that is kept in JSON, as text.
struct JSONText: Sendable, Hashable, Codable {
    private var text: String

    /// nil: there is nothing.
    init?(_ payload: EncodedPayload) {
        if payload.codec != 1 { return nil }
        text = String(decoding: payload.bytes, as: UTF8.self)
    }

    var payload: EncodedPayload { EncodedPayload(codec: 1, bytes: Array(text.utf8)) }
}

/// As `{"kind": "cancel"}`.
extension BulkAction: Codable {
    private enum CodingKeys: String, CodingKey { case kind, attributes, step, version, value }

    /// Reads the stored form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kind = try container.decode(Kind.self, forKey: .kind)
        attributes = try container.decodeIfPresent(AttributeChanges.self, forKey: .attributes)
        step = try container.decodeIfPresent(String.self, forKey: .step)
        version = try container.decodeIfPresent(String.self, forKey: .version)
        value = try container.decodeIfPresent(JSONText.self, forKey: .value)
    }

    /// Writes the stored form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encodeIfPresent(attributes, forKey: .attributes)
        try container.encodeIfPresent(step, forKey: .step)
        try container.encodeIfPresent(version, forKey: .version)
        try container.encodeIfPresent(value, forKey: .value)
    }
}
