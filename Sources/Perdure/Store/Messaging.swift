/// What a completed step does besides being recorded.
package enum StepEffect: Sendable {
    /// Puts a message into another workflow's inbox: that of its number, or of the newest run under `id`. If there is none that is open, `refusal`
    /// is recorded as the step's error instead.
    case send(InboxItem, id: String?, refusal: EncodedPayload)
    /// Publishes the output as the value of this event, in place of the earlier one; under the number of the first run, where this one continues others.
    case publish(String, as: RunChain? = nil)
    /// Appends the output to a stream in this place; without an output the stream is closed. Under the number of the first run, if there is one.
    case append(stream: String, offset: Int64, as: WorkflowNumber? = nil)
    /// Answers a request, and deletes its row of the inbox of the step's workflow.
    case reply(ReplyRecord, sequence: Int64)
    /// Changes the workflow's attributes; the output says the same in JSON. If there would be too many, `refusal` is recorded as the step's error instead.
    case setAttributes(AttributeChanges, refusal: EncodedPayload)

    var size: Int {
        switch self {
        case .send(let item, _, let refusal): 64 + (item.payload?.bytes.count ?? 0) + refusal.bytes.count
        case .publish, .append, .setAttributes: 64
        case .reply(let reply, _): 64 + (reply.output?.bytes.count ?? 0) + (reply.error?.bytes.count ?? 0)
        }
    }
}

/// The newest value of an event: the row of `events`.
package struct EventRecord: Sendable, Hashable {
    package var workflow: WorkflowNumber
    package var name: String
    package var value: EncodedPayload
    package var published: Microseconds

    package init(workflow: WorkflowNumber, name: String, value: EncodedPayload, published: Microseconds) {
        self.workflow = workflow
        self.name = name
        self.value = value
        self.published = published
    }
}

/// A value of a stream: the row of `streams`, never changed.
package struct StreamRecord: Sendable, Hashable {
    package var workflow: WorkflowNumber
    package var stream: String
    /// From 0 on, without a gap.
    package var offset: Int64
    /// nil: the stream is closed here.
    package var value: EncodedPayload?
    package var appended: Microseconds
    /// The step whose body appended it, and its attempt; nil for the workflow itself.
    package var step: String?
    package var attempt: Int32

    package init(
        workflow: WorkflowNumber, stream: String, offset: Int64, value: EncodedPayload?, appended: Microseconds, step: String? = nil,
        attempt: Int32 = 1
    ) {
        self.workflow = workflow
        self.stream = stream
        self.offset = offset
        self.value = value
        self.appended = appended
        self.step = step
        self.attempt = attempt
    }
}

/// Where a stream has come to.
package struct StreamEnd: Sendable, Hashable {
    /// Where the next value goes.
    package var next: Int64
    /// Its last row has no value: it was closed.
    package var isClosed: Bool

    package init(next: Int64 = 0, isClosed: Bool = false) { (self.next, self.isClosed) = (next, isClosed) }
}

/// What a request was answered: the row of `replies`, never changed.
package struct ReplyRecord: Sendable, Hashable {
    package var workflow: WorkflowNumber
    /// The request's name.
    package var request: String
    /// The request's idempotency key.
    package var key: String
    package var output: EncodedPayload?
    package var error: EncodedPayload?
    package var replied: Microseconds

    package init(
        workflow: WorkflowNumber, request: String, key: String, output: EncodedPayload? = nil, error: EncodedPayload? = nil,
        replied: Microseconds
    ) {
        self.workflow = workflow
        self.request = request
        self.key = key
        self.output = output
        self.error = error
        self.replied = replied
    }
}

/// What became of a message or a request that was sent from outside.
package enum SendResult: Sendable, Equatable {
    case sent
    /// One of its kind and topic was sent before under its key.
    case duplicate
    /// The workflow has ended.
    case ended
}

/// Reads what workflows have told the world, and takes back what was told in vain; of runs that were continued as each other, what all of them have told.
package protocol MessagingStore: Sendable {
    /// The first of the runs that were continued as this one; itself if there is none.
    func firstRun(of number: WorkflowNumber) async throws(StoreError) -> WorkflowNumber
    /// All that it has published, as of one moment.
    func events(of number: WorkflowNumber) async throws(StoreError) -> [EventRecord]
    /// The values from `offset` on, in order, at most so many.
    func stream(_ name: String, of number: WorkflowNumber, from offset: Int64, limit: Int) async throws(StoreError) -> [StreamRecord]
    /// Where each of its streams has come to.
    func streamEnds(of number: WorkflowNumber) async throws(StoreError) -> [String: StreamEnd]
    /// Deletes one like this that came too late: its sender's transaction has committed after the end of its run, and has not seen that. False if there
    /// is none, as always where transactions come one after the other.
    func takeBack(_ item: InboxItem) async throws(StoreError) -> Bool
    func reply(to key: String, of request: String, by number: WorkflowNumber) async throws(StoreError) -> ReplyRecord?
}

extension MessagingStore {
    package func takeBack(_ item: InboxItem) async throws(StoreError) -> Bool { false }
}
