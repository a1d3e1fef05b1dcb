internal import Foundation

/// A queue as it is in the database.
package struct QueueRow: Sendable, Equatable {
    package var name: String
    /// What holds: as declared, with the limits as they were changed since.
    package var rules: QueueRules
    package var declared: QueueRules
    package var isPaused: Bool
    package var pauseReason: String?
    /// Raised by every change.
    package var revision: Int64
    /// How many live engines take work from it.
    package var engines: Int

    package init(
        declared: QueueRules, changed: QueueLimits? = nil, isPaused: Bool = false, pauseReason: String? = nil, revision: Int64 = 1,
        engines: Int = 0
    ) {
        name = declared.name
        self.declared = declared
        rules = declared
        if let changed { rules.limits = changed }
        self.isPaused = isPaused
        self.pauseReason = pauseReason
        self.revision = revision
        self.engines = engines
    }
}

/// What is changed of a queue while engines run.
package enum QueueChange: Sendable {
    /// These limits hold instead of those that are declared; nil: those that are declared. Of another revision than this: `.conflict`.
    case limits(QueueLimits?, revision: Int64? = nil)
    case pause(reason: String?)
    case resume
}

/// What is in a queue.
package struct QueueCounts: Sendable, Equatable {
    package var waiting = 0
    package var delayed = 0
    package var running = 0
    /// When the one that waits longest was enqueued.
    package var oldest: Microseconds?
    /// What has not become part of a workflow yet.
    package var items = 0

    package init(waiting: Int = 0, delayed: Int = 0, running: Int = 0, oldest: Microseconds? = nil, items: Int = 0) {
        self.waiting = waiting
        self.delayed = delayed
        self.running = running
        self.oldest = oldest
        self.items = items
    }
}

/// A workflow of a queue that came to no good end, and was not started again.
package struct DeadLetterRecord: Sendable, Equatable {
    package var number: WorkflowNumber
    package var id: String?
    package var lane: Lane
    package var status: OutcomeStatus
    package var error: EncodedPayload?
    package var finished: Microseconds

    package init(
        number: WorkflowNumber, id: String?, lane: Lane, status: OutcomeStatus, error: EncodedPayload?, finished: Microseconds
    ) {
        self.number = number
        self.id = id
        self.lane = lane
        self.status = status
        self.error = error
        self.finished = finished
    }
}

/// One item that becomes part of a workflow's input.
package struct BatchItem: Sendable {
    package var lane: Lane
    package var payload: EncodedPayload
    package var created: Microseconds

    package init(lane: Lane, payload: EncodedPayload, created: Microseconds) {
        self.lane = lane
        self.payload = payload
        self.created = created
    }
}

extension BatchItem {
    /// What the items of one workflow have together at most; a single item may be larger.
    package static let mostBytes = 1 << 20

    /// The input of the workflow that they become: an array of JSON.
    package static func array(_ items: [[UInt8]]) -> EncodedPayload {
        EncodedPayload(codec: 1, bytes: [UInt8(ascii: "[")] + items.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")])
    }
}

/// Items of one lane that are to become a workflow.
package struct BatchWish: Sendable {
    package var queue: String
    package var size: Int
    package var within: Microseconds
    /// What has not begun so long after its first item came does not begin any more.
    package var expiry: Microseconds?

    package init(queue: String, size: Int, within: Microseconds, expiry: Microseconds? = nil) {
        self.queue = queue
        self.size = size
        self.within = within
        self.expiry = expiry
    }
}

extension StoreError {
    package static let queueChanged = StoreError(.conflict, "somebody else has changed the queue meanwhile")
}

/// Queues, and what is in them.
package protocol QueueStore: Sendable {
    /// Stores what an engine declares; limits that were changed at run time stay. Returns the rows as they were before, where they were others.
    func declare(_ queues: [QueueRules]) async throws(StoreError) -> [QueueRow]
    /// The rows of these queues, or of all.
    func queueRows(_ names: [String]?) async throws(StoreError) -> [QueueRow]
    /// nil if there is no such queue. What then begins in it begins by the new rules, but for a claim that hangs in its midst.
    func changeQueue(_ name: String, _ change: QueueChange) async throws(StoreError) -> QueueRow?
    func queueCounts(_ name: String) async throws(StoreError) -> QueueCounts
    /// By rising number, behind `number`; of one queue or of all.
    func deadLetters(of queue: String?, after number: WorkflowNumber, limit: Int) async throws(StoreError) -> [DeadLetterRecord]
    /// Starts them again under the numbers that stand beside them, each at most once; those that were.
    func redrive(_ letters: [WorkflowNumber: WorkflowNumber], now: Microseconds) async throws(StoreError) -> [WorkflowNumber]
    /// Makes workflows of items that are enough, or have waited for long enough, in a fenced transaction; how many, and when to look again.
    func gather(
        _ wishes: [BatchWish], by executor: ExecutorID, now: Microseconds
    ) async throws(StoreError) -> (made: Int, next: Microseconds?)
}

extension QueueRules {
    /// As it is stored.
    package var text: String { Self.text(self) }

    package init?(text: String) {
        guard let rules = try? JSONDecoder().decode(QueueRules.self, from: Data(text.utf8)) else { return nil }
        self = rules
    }

    fileprivate static func text(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

extension QueueLimits {
    /// As they are stored.
    package var text: String { QueueRules.text(self) }

    package init?(text: String) {
        guard let limits = try? JSONDecoder().decode(QueueLimits.self, from: Data(text.utf8)) else { return nil }
        self = limits
    }
}

extension QueueRow {
    /// Of the columns; nil if nobody understands what is declared there.
    package init?(declared: String, changed: String?, isPaused: Bool, pauseReason: String?, revision: Int64, engines: Int) {
        guard let rules = QueueRules(text: declared) else { return nil }
        self.init(
            declared: rules, changed: changed.flatMap { QueueLimits(text: $0) }, isPaused: isPaused, pauseReason: pauseReason,
            revision: revision, engines: engines)
    }
}
