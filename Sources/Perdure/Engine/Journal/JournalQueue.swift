/// Who is told what became of a command.
package protocol JournalRecipient: AnyObject, Sendable {
    /// Called on the writer's thread, in the order in which the commands were appended. Returns the flow that must be submitted, if any.
    func resolved(_ token: Int64, _ result: CommandResult) -> FlowExecutor?
    /// As `resolved`, for a command that was refused, or that can no longer be written.
    func failed(_ token: Int64, _ command: Command, _ error: StoreError) -> FlowExecutor?
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

/// Commands that are committed together, and who is told.
///
/// Apart from each other, because the store takes the commands as they are.
package struct JournalBatch: Sendable {
    package struct Waiter: Sendable {
        var recipient: (any JournalRecipient)?
        var token: Int64
    }

    package private(set) var commands: [Command] = []
    package private(set) var waiters: [Waiter] = []
    private var bytes = 0

    package var count: Int { commands.count }

    /// A batch is bounded by commands and by bytes: one of 550 payloads of 2 MiB bricked an engine.
    func hasRoom(for size: Int) -> Bool {
        commands.isEmpty || (commands.count < JournalQueue.commandLimit && bytes + size <= JournalQueue.byteLimit)
    }

    mutating func append(_ entry: JournalEntry, size: Int) {
        commands.append(entry.command)
        waiters.append(Waiter(recipient: entry.recipient, token: entry.token))
        bytes += size
    }

    /// The first half and the rest.
    var halves: (JournalBatch, JournalBatch) {
        var (first, second) = (JournalBatch(), JournalBatch())
        for index in commands.indices {
            let entry = JournalEntry(commands[index], for: waiters[index].recipient, token: waiters[index].token)
            if index < count / 2 { first.append(entry, size: 0) } else { second.append(entry, size: 0) }
        }
        return (first, second)
    }
}

/// The commands of one writer: a pure queue that hands out batches.
///
/// While one commit is in flight the next batch gathers by itself, so there is no timer, no latency for a lone workflow, and the batch grows
/// under load.
package struct JournalQueue {
    package static let commandLimit = 1_000
    package static let byteLimit = 4 << 20

    /// The first is next; only the last takes more.
    private var batches: [JournalBatch] = []
    /// The writer waits for work, and must be woken.
    package private(set) var isIdle = false
    package private(set) var closed = false

    package init() {}

    package enum Appended { case queued, mustWake, refused }

    package mutating func append(_ entry: JournalEntry, size: Int) -> Appended {
        if closed { return .refused }
        if batches.last?.hasRoom(for: size) != true { batches.append(JournalBatch()) }
        batches[batches.count - 1].append(entry, size: size)
        defer { isIdle = false }
        return isIdle ? .mustWake : .queued
    }

    package enum Next {
        case batch(JournalBatch)
        case wait
        case end
    }

    package mutating func next() -> Next {
        if !batches.isEmpty { return .batch(batches.removeFirst()) }
        if closed { return .end }
        isIdle = true
        return .wait
    }

    /// No more is taken; what is queued is still handed out.
    ///
    /// True if the writer must be woken.
    package mutating func close() -> Bool {
        closed = true
        defer { isIdle = false }
        return isIdle
    }
}
