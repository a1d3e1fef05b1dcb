/// Who is told what became of a command.
package protocol JournalRecipient: AnyObject, Sendable {
    /// Called on the writer's thread, in the order in which the commands were appended. Returns the flow that must be submitted, if any.
    func resolved(_ token: Int64, _ result: Result<CommandResult, StoreError>) -> FlowExecutor?
}

/// A command that waits to be written.
package struct JournalEntry: Sendable {
    package var command: Command
    package var recipient: (any JournalRecipient)?
    package var token: Int64

    package init(_ command: Command, for recipient: (any JournalRecipient)? = nil, token: Int64 = 0) {
        self.command = command
        self.recipient = recipient
        self.token = token
    }
}

/// The commands of one writer: a pure queue that hands out batches.
///
/// While one commit is in flight the next batch gathers by itself, so there is no timer, no latency for a lone workflow, and the
/// batch grows under load. A batch is bounded by commands and by bytes: one of 550 payloads of 2 MiB bricked an engine.
package struct JournalQueue {
    package static let commandLimit = 1_000
    package static let byteLimit = 4 << 20

    private var entries: [JournalEntry] = []
    private var head = 0
    /// The writer waits for work, and must be woken.
    package private(set) var isIdle = false
    package private(set) var closed = false

    package init() {}

    package enum Appended { case queued, mustWake, refused }

    package mutating func append(_ entry: JournalEntry) -> Appended {
        if closed { return .refused }
        entries.append(entry)
        defer { isIdle = false }
        return isIdle ? .mustWake : .queued
    }

    package enum Next {
        case batch([JournalEntry])
        case wait
        case end
    }

    package mutating func next() -> Next {
        let waiting = entries.count - head
        if waiting == 0 {
            if closed { return .end }
            isIdle = true
            return .wait
        }
        let count = batchCount(waiting)
        defer { drop(count) }
        return .batch(head == 0 && count == entries.count ? entries : Array(entries[head..<(head + count)]))
    }

    /// No more is taken; what is queued is still handed out.
    ///
    /// True if the writer must be woken.
    package mutating func close() -> Bool {
        closed = true
        defer { isIdle = false }
        return isIdle
    }

    private func batchCount(_ waiting: Int) -> Int {
        var bytes = 0
        var count = 0
        while count < min(waiting, Self.commandLimit) {
            bytes += entries[head + count].command.size
            if bytes > Self.byteLimit, count > 0 { break }
            count += 1
        }
        return count
    }

    private mutating func drop(_ count: Int) {
        head += count
        if head == entries.count {
            entries = []
            head = 0
        } else if head > 4 * Self.commandLimit {
            entries.removeFirst(head)
            head = 0
        }
    }
}
