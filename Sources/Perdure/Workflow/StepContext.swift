/// What the body of a step knows about itself.
public final class StepContext: Sendable {
    /// The same for every attempt of this step of this run, and for no other: hand it to services that refuse to do a thing twice.
    ///
    /// It names the store, the run and the step: the keys of two databases are never the same.
    public var idempotencyKey: String { body.run.host.backend.identity + "/" + Names.publicID(body.run.number) + "/" + body.key }
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

    /// The last progress that an earlier attempt reported, also one in another process; nil if none did.
    public func progress<Value: Payload>(as type: Value.Type = Value.self) throws -> Value? {
        guard let last else { return nil }
        return try body.run.coder.decode(type, from: last, what: "the progress of a step")
    }
}
