/// Starts a workflow again and again: what, when, and what happens when something is in the way.
///
/// ```swift
/// let engine = try await Engine(store: store) {
///     Report(mailer: mailer)
///     Schedule("nightly report", .cron("0 3 * * *", timeZone: "Europe/Madrid"), Report.self, input: Report.Input(days: 1))
/// }
/// ```
///
/// One that stands in an engine's block is *declared*: the engine stores it when it starts, and a changed declaration replaces the stored one.
/// ``Client/createSchedule(_:ifExists:)`` makes one at run time. Any engine fires any schedule, and each nominal time fires once, whatever
/// number of engines there are.
///
/// A run is an ordinary workflow. Its id is the schedule's name and the nominal time: `nightly report@2026-01-31T02:00:00Z`. It finds them in
/// ``WorkflowContext/scheduled``.
public struct Schedule: Sendable {
    /// The durable name; at most 480 bytes.
    public let name: String
    /// When it fires.
    public var spec: ScheduleSpec
    /// The name of the workflow's type.
    public let workflow: String
    /// Where its runs wait for their turn; nil: they are in no queue.
    public private(set) var queue: String?
    /// Whose work the runs are in their queue.
    public var key: String
    /// Of the runs in their queue: 0 to 9, and the lower number goes first.
    public var priority: Int
    /// What happens while a run is still open.
    public var overlap: ScheduleOverlapPolicy
    /// Times that were missed because no engine ran are made up for if they are not older than this; at least ten seconds.
    public var catchUp: Duration
    /// A run that fails or times out pauses the schedule.
    public var pauseOnFailure: Bool
    /// How often it fires until it stops; nil is for ever.
    ///
    /// What is triggered or backfilled does not count.
    public var runs: Int?
    /// A run is cancelled as timed out when it takes longer than this.
    public var timeout: Duration?
    /// What each run is found by; shown in the views, and kept with it.
    public var attributes: [String: SearchAttribute]
    /// The application version that may run it; empty is any.
    public var version: String
    /// As its queue says.
    package var expiry: Duration?
    /// What is wrong with the queue, if anything.
    let queueFault: String?
    var input: Input

    /// What a run is given.
    enum Input: Sendable {
        case encoded(EncodedPayload)
        case value(@Sendable (PayloadCoder) throws(WorkflowError) -> EncodedPayload)
    }

    /// A schedule of a workflow.
    ///
    /// It is checked when it is declared, created or previewed.
    ///
    /// - Parameters:
    ///   - name: The durable name.
    ///   - spec: When it fires.
    ///   - type: The workflow's type.
    ///   - input: What each run is given.
    ///   - queue: Where runs wait for their turn.
    ///   - key: Whose work they are in their queue.
    ///   - priority: 0 to 9 in their queue; the lower number goes first.
    ///   - overlap: What happens while a run is still open.
    ///   - catchUp: How old a time may be that was missed because no engine ran.
    ///   - pauseOnFailure: A run that fails or times out pauses the schedule.
    ///   - runs: How often it fires until it stops.
    ///   - timeout: How long a run may take.
    ///   - attributes: Kept with each run.
    ///   - version: The application version that may run it; empty is any.
    public init<W: Workflow>(
        _ name: String, _ spec: ScheduleSpec, _ type: W.Type, input: W.Input, queue: Queue? = nil, key: String = "", priority: Int = 0,
        overlap: ScheduleOverlapPolicy = .skip, catchUp: Duration = .days(365), pauseOnFailure: Bool = false, runs: Int? = nil,
        timeout: Duration? = nil, attributes: [String: SearchAttribute] = [:], version: String = ""
    ) where W.Input: Codable {
        self.init(
            name, spec, W.name, .value { coder throws(WorkflowError) in try coder.encode(input, what: "the input of schedule '\(name)'") },
            queue, key, priority, overlap, catchUp, pauseOnFailure, runs, timeout, attributes, version)
    }

    /// A schedule of a workflow that takes nothing.
    public init<W: Workflow>(
        _ name: String, _ spec: ScheduleSpec, _ type: W.Type, queue: Queue? = nil, key: String = "", priority: Int = 0,
        overlap: ScheduleOverlapPolicy = .skip, catchUp: Duration = .days(365), pauseOnFailure: Bool = false, runs: Int? = nil,
        timeout: Duration? = nil, attributes: [String: SearchAttribute] = [:], version: String = ""
    ) where W.Input == Void {
        self.init(
            name, spec, W.name, .encoded(.void), queue, key, priority, overlap, catchUp, pauseOnFailure, runs, timeout, attributes, version)
    }

    private init(
        _ name: String, _ spec: ScheduleSpec, _ workflow: String, _ input: Input, _ queue: Queue?, _ key: String, _ priority: Int,
        _ overlap: ScheduleOverlapPolicy, _ catchUp: Duration, _ pauseOnFailure: Bool, _ runs: Int?, _ timeout: Duration?,
        _ attributes: [String: SearchAttribute], _ version: String
    ) {
        (self.name, self.spec, self.workflow, self.input, self.queue) = (name, spec, workflow, input, queue?.name)
        (self.key, self.priority, self.overlap, self.catchUp) = (key, priority, overlap, catchUp)
        (self.pauseOnFailure, self.runs, self.timeout) = (pauseOnFailure, runs, timeout)
        (self.attributes, self.version) = (attributes, version)
        expiry = queue?.expiry
        queueFault = Self.fault(of: queue)
    }

    /// As it is stored.
    init(name: String, _ definition: ScheduleDefinition, input: EncodedPayload) {
        (self.name, spec, workflow, self.input) = (name, definition.spec, definition.workflow, .encoded(input))
        (queue, key, priority) = (definition.queue, definition.key ?? "", definition.priority ?? 0)
        (overlap, catchUp) = (definition.overlap, .microseconds(definition.catchUp))
        (pauseOnFailure, runs) = (definition.pauseOnFailure ?? false, definition.runs)
        timeout = definition.timeout.map { .microseconds($0) }
        (attributes, version) = (definition.attributes ?? [:], definition.version ?? "")
        expiry = definition.expiry.map { .microseconds($0) }
        queueFault = nil
    }

    private static func fault(of queue: Queue?) -> String? {
        if queue?.batch != nil { return "makes batches of items, and a run is no item" }
        if queue?.singleton != nil { return "lets one workflow of a key in, which the schedule's overlap policy says already" }
        return nil
    }
}
