/// An error of the library itself.
///
/// It is recorded like any other error of a step, and is the same value on every replay.
public struct WorkflowError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The kinds of errors; more may be added.
    public struct Code: Sendable, Hashable, Codable, CustomStringConvertible {
        /// The code's name, as it is recorded.
        public let rawValue: String

        package init(_ rawValue: String) { self.rawValue = rawValue }

        /// Decodes the name.
        public init(from decoder: any Decoder) throws {
            rawValue = try decoder.singleValueContainer().decode(String.self)
        }

        /// Encodes the name.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(rawValue)
        }

        /// The code's name.
        public var description: String { rawValue }

        /// What the code asks for is not what its history holds: the workflow was changed under its history.
        public static let nondeterminism = Code("nondeterminism")
        /// Something that is not recorded woke the workflow or called its context: `Task.sleep`, a detached task, a stream from outside.
        public static let intrusion = Code("intrusion")
        /// The workflow waits for something that is not durable, so nothing would ever wake it.
        public static let notDurable = Code("notDurable")
        /// Two steps of one name are outstanding at the same time; give each an `id:`.
        public static let ambiguousStep = Code("ambiguousStep")
        /// One patch is asked for at two places of the code; give each change an id of its own.
        public static let duplicatePatch = Code("duplicatePatch")
        /// A context was used inside the body of a step.
        public static let nestedStep = Code("nestedStep")
        /// A context was used by another workflow than its own.
        public static let foreignContext = Code("foreignContext")
        /// A context was used after its workflow had ended.
        public static let ended = Code("ended")
        /// A name or an id is empty, too long or has control characters.
        public static let invalidName = Code("invalidName")
        /// An attribute has a value that cannot be stored or searched, or there are too many.
        public static let invalidAttribute = Code("invalidAttribute")
        /// A value is larger than the limit after encoding.
        public static let payloadTooLarge = Code("payloadTooLarge")
        /// A value cannot be encoded.
        public static let unencodable = Code("unencodable")
        /// Stored bytes cannot be decoded as the type that is asked for.
        public static let undecodable = Code("undecodable")
        /// The database refused the row of a step.
        public static let rejected = Code("rejected")
        /// A step took longer than its timeout, or did not send a heartbeat in time; or a workflow took longer than its own.
        public static let timedOut = Code("timedOut")
        /// The client or the engine was closed while something was awaited of it.
        public static let closed = Code("closed")
        /// Nothing can be appended to a stream that was closed.
        public static let streamClosed = Code("streamClosed")
        /// The workflow was cancelled.
        public static let cancelled = Code("cancelled")
        /// What was to undo a failed workflow's steps has failed too.
        public static let compensationFailed = Code("compensationFailed")
        /// The run ends and goes on as a new one, or was continued before.
        public static let continuedAsNew = Code("continuedAsNew")
        /// A run that has something to undo does not go on as a new one, which would not know of it.
        public static let compensationsLeft = Code("compensationsLeft")
        /// The workflow was terminated.
        public static let terminated = Code("terminated")
        /// The workflow was set aside and goes no further without a person.
        public static let setAside = Code("setAside")
        /// The id is taken, and the policy says not to use that run.
        public static let alreadyStarted = Code("alreadyStarted")
        /// The deduplication key is taken, and the policy says to refuse.
        public static let duplicate = Code("duplicate")
        /// The workflow waited longer than it was to, and ended without running.
        public static let expired = Code("expired")
        /// Something of this name is there already.
        public static let alreadyExists = Code("alreadyExists")
        /// The id is taken by a workflow of another type.
        public static let otherType = Code("otherType")
        /// No workflow has this id, or no schedule this name.
        public static let notFound = Code("notFound")
        /// The run has not ended, which it must have before a new one takes its place.
        public static let stillRunning = Code("stillRunning")
        /// The id stands for a newer run by now.
        public static let superseded = Code("superseded")
        /// The history holds no such step.
        public static let unknownStep = Code("unknownStep")
        /// The run has completed, so there is no failure to go back behind.
        public static let notFailed = Code("notFailed")
        /// An operator has left the step out.
        public static let skipped = Code("skipped")
        /// The step has a result, which never changes.
        public static let stepCompleted = Code("stepCompleted")
        /// The workflow has no such step that runs or waits for an attempt.
        public static let stepNotPending = Code("stepNotPending")
        /// The declarations of an engine contradict each other.
        public static let invalidDeclaration = Code("invalidDeclaration")
        /// The engine is running already, or has been closed.
        public static let invalidState = Code("invalidState")
    }

    /// What kind of error it is.
    public var code: Code
    /// What happened and what to do, for people.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message and the code.
    public var description: String { "\(message) [\(code)]" }
}
