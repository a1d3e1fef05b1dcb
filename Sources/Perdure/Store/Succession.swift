/// How a run came of an earlier one under its id: `successors.kind`.
package enum RunKind: Int16, Sendable, CaseIterable {
    /// From the beginning.
    case restarted = 1
    /// With a part of its history.
    case forked = 2
    /// With its history up to what made it fail.
    case rewound = 3
    /// As the end of a run that goes on as a new one.
    case continued = 4
}

/// Where a run came from: the row of `successors`, never changed.
package struct RunLink: Sendable, Hashable {
    package var number: WorkflowNumber
    /// The run that it came of.
    package var previous: WorkflowNumber
    package var kind: RunKind
    /// The key of the step before which the earlier history ends in it.
    package var step: String?
    /// Who asked for it, and why: for people.
    package var by: String?
    package var reason: String?
    package var at: Microseconds
    /// What a replay must know of the earlier runs; stores never look inside.
    package var origin: String?
    /// Of one that continues another.
    package var chain: RunChain?

    package init(
        number: WorkflowNumber, previous: WorkflowNumber, kind: RunKind, step: String? = nil, by: String? = nil, reason: String? = nil,
        at: Microseconds, origin: String? = nil, chain: RunChain? = nil
    ) {
        self.chain = chain
        self.number = number
        self.previous = previous
        self.kind = kind
        self.step = step
        self.by = by
        self.reason = reason
        self.at = at
        self.origin = origin
    }
}

/// What a new run takes over of the one that it comes of.
package struct Inheritable: Sendable, Hashable {
    /// The rows of the history with a place below this one are copied as they are; 0 is none.
    package var before: Int64 = 0
    /// The keys of rows that are copied without a place.
    package var unordered: [String] = []
    /// Of the new run, in its names and places.
    package var events: [EventRecord] = []
    package var streams: [StreamRecord] = []
    /// What waits for it from the beginning, in this order.
    package var inbox: [InboxItem] = []
    /// What the earlier run had not received, if it came to no good end, waits for this one, behind `inbox`.
    ///
    /// So do its answers, if the row that holds them is copied or there is none (a refusal, an earlier run of a chain). What was sent to it under a key is
    /// not sent to this one again; but a request only if it waits or is answered here: otherwise whoever asks again would wait for ever.
    package var keepsMail = false

    package init() {}

    package var hasHistory: Bool { before > 0 || !unordered.isEmpty }
}

/// A new run in the place of one that has ended.
package struct Succession: Sendable, Hashable {
    /// What is asked of the new run; its id is the public id of the earlier one.
    package var record: WorkflowRecord
    package var link: RunLink
    package var inherited: Inheritable

    /// It counts as begun: it does not expire, and whoever claims it reads its history.
    package var isBegun: Bool { link.origin != nil }

    package init(record: WorkflowRecord, link: RunLink, inherited: Inheritable = Inheritable()) {
        self.record = record
        self.link = link
        self.inherited = inherited
    }
}

/// What became of a succession.
package enum SuccessionResult: Sendable, Hashable {
    /// The new run is there (or was, when this same one was sent before), and ready.
    case started
    /// There is no such earlier run.
    case unknown
    /// The earlier run has no outcome.
    case open
    /// The id stands for another run by now, or the dead letter was started again as this one.
    case superseded(by: WorkflowNumber)
}
