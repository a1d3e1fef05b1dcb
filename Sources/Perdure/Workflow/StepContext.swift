/// What the body of a step knows about itself.
public final class StepContext: Sendable {
    /// The same for every attempt of this step of this run, and for no other: hand it to services that refuse to do a thing twice.
    ///
    /// It names the store, the run and the step: the keys of two databases are never the same. A run that goes on where an earlier one failed
    /// (``WorkflowHandle/rewind(options:in:)``) has the keys of that one; any other new run has its own.
    public var idempotencyKey: String {
        let run = body.run.origin?.effects ?? body.run.number
        return body.run.host.backend.identity + "/" + Names.publicID(run) + "/" + body.key
    }
    /// 1 for the first attempt.
    ///
    /// Attempts that were cut off by a crash are not counted.
    public let attempt: Int

    private let body: StepBody
    private let supervisor: AttemptSupervisor?
    private let last: EncodedPayload?

    /// The step whose body the current task runs.
    @TaskLocal package static var current: String?

    init(_ body: StepBody, attempt: Int, last: EncodedPayload?, supervisor: AttemptSupervisor?) {
        self.body = body
        self.attempt = attempt
        self.last = last
        self.supervisor = supervisor
    }

    /// Says that the attempt is alive; without one in each `heartbeatTimeout` it counts as timed out.
    ///
    /// As Temporal's heartbeat.
    public func heartbeat() { supervisor?.heartbeat() }

    /// Says that the attempt is alive and how far it has come.
    ///
    /// The progress is durable (written at most once a second), visible, and handed to the next attempt.
    public func heartbeat(_ progress: some Payload) throws {
        let payload = try body.run.coder.encode(progress, what: "the progress of a step")
        heartbeat()
        body.report(payload, attempt: attempt)
    }

    var coder: PayloadCoder { body.run.coder }

    /// For a stream of the workflow's.
    func append(_ value: EncodedPayload, _ stream: String) async throws { try await body.append(value, stream, attempt: attempt) }

    /// The last progress that an earlier attempt reported, also one in another process; nil if none did.
    public func progress<Value: Payload>(as type: Value.Type = Value.self) throws -> Value? {
        guard let last else { return nil }
        return try body.run.coder.decode(type, from: last, what: "the progress of a step")
    }
}
