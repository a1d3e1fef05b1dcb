/// What the body of a step knows about itself.
public final class StepContext: Sendable {
    /// The same for every attempt of this step of this run, and for no other: hand it to services that refuse to do a thing twice.
    public var idempotencyKey: String { Names.publicID(workflow) + "/" + key }
    /// 1 for the first attempt.
    ///
    /// Attempts that were cut off by a crash are not counted.
    public let attempt: Int

    private let workflow: WorkflowNumber
    private let key: String
    private let report: @Sendable (EncodedPayload?) -> Void
    private let last: EncodedPayload?
    private let coder: PayloadCoder

    /// The step whose body the current task runs.
    @TaskLocal package static var current: String?

    package init(
        workflow: WorkflowNumber, key: String, attempt: Int, last: EncodedPayload?, coder: PayloadCoder,
        report: @escaping @Sendable (EncodedPayload?) -> Void
    ) {
        self.workflow = workflow
        self.key = key
        self.attempt = attempt
        self.last = last
        self.coder = coder
        self.report = report
    }

    /// Says that the attempt is alive; without one in each `heartbeatTimeout` it counts as timed out.
    ///
    /// As Temporal's heartbeat.
    public func heartbeat() { report(nil) }

    /// Says that the attempt is alive and how far it has come.
    ///
    /// The progress is durable (written at most once a second), visible, and handed to the next attempt.
    public func heartbeat(_ progress: some Payload) throws {
        report(try coder.encode(progress, what: "the progress of a step"))
    }

    /// The last progress that an earlier attempt reported, also one in another process; nil if none did.
    public func progress<Value: Payload>(as type: Value.Type = Value.self) throws -> Value? {
        guard let last else { return nil }
        return try coder.decode(type, from: last, what: "the progress of a step")
    }
}
