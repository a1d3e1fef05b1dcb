/// What a waiting call is resumed with.
package enum Resumption: Sendable {
    /// Replay has caught up and has no result: do the work, then wait again.
    case begin
    case completed(StepRecord)
    case cancelled
    /// The run goes no further in this process.
    case stopped(any Error)
}

/// A call of the context that has not returned.
///
/// An object, because it is changed several times in each step, and a dictionary changes a value in place by way of the heap. Only touched under
/// the lock of its run.
final class Wait {
    let key: String
    let kind: StepKind
    /// Counted while outstanding, to find two steps of one name; nil where the call has an id or counts by itself.
    let exclusiveName: String?
    /// Of a call that waits for a message or a request, which most do not.
    let mail: MailWait?
    var parked: Parked<Resumption>?
    var begun: Bool
    var isCancelled = false
    /// When a timer fires, or the next attempt begins; what an unloaded workflow is due at.
    var due: Microseconds?
    /// Its completion is on the way to the database.
    var isRecorded = false
    /// What it waited for is there, and a body is at it.
    var hasBody = false
    /// The attempts of a step that has begun.
    var stepBody: StepBody?
    /// Cancels the body, or the timer.
    var cancelWork: (@Sendable () -> Void)?

    init(key: String, kind: StepKind, exclusiveName: String?, begun: Bool, due: Microseconds?, address: Mailbox.Address? = nil) {
        mail = address.map(MailWait.init)
        self.key = key
        self.kind = kind
        self.exclusiveName = exclusiveName
        self.begun = begun
        self.due = due
    }

    /// Timers and receives end at once when cancelled, unrecorded; all others wait for what they began.
    var endsAtOnce: Bool { kind == .timer || kind == .receive || kind == .request && (!hasBody || mail?.examined != nil) }

    /// Children are not this process's work: they go on without it.
    var isForChildren: Bool { kind == .childResult || kind == .childrenEnded }

    /// Nothing of it runs in this process while it waits.
    var isPassive: Bool { isForChildren || kind == .receive || kind == .request && !hasBody }
}

/// What a call that waits for a message or a request has besides.
final class MailWait {
    /// Where it arrives.
    let address: Mailbox.Address
    /// Reads the message that it is to be given; what cannot be read is not received.
    var read: Reader?
    var beginRequest: (@Sendable (InboxItem) -> Void)?
    /// The request that the body looks at, as long as it is not decided that it is handled.
    var examined: InboxItem?

    typealias Reader = @Sendable (EncodedPayload) throws(WorkflowError) -> Void

    init(_ address: Mailbox.Address) { self.address = address }
}
