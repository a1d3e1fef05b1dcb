public import FoundationEssentials

/// A workflow of a queue that failed, timed out or expired, and was not started again since.
public struct DeadLetter: Sendable {
    /// The public id of the run.
    public let id: String
    /// The workflow's type.
    public let name: String
    /// The queue that it was in.
    public let queue: String
    /// Its key there.
    public let key: String
    /// How it ended.
    public let state: WorkflowStatus.State
    /// What it threw, as it is stored.
    public let error: [UInt8]?
    /// When it ended.
    public let finishedAt: Date
    let number: WorkflowNumber

    init(_ record: DeadLetterRecord) {
        (number, name) = (record.number, record.lane.workflow)
        id = record.id ?? Names.publicID(record.number)
        (queue, key) = (record.lane.queue, record.lane.key)
        state = WorkflowStatus.State(record.status)
        error = record.error?.bytes
        finishedAt = Date(timeIntervalSince1970: Double(record.finished) / 1_000_000)
    }
}

extension Client {
    /// Dead letters, the oldest first.
    ///
    /// - Parameters:
    ///   - queue: Of this queue; nil is of all.
    ///   - limit: At most so many.
    ///   - last: Those behind this one: the last of the page before.
    public func deadLetters(of queue: String? = nil, limit: Int = 100, after last: DeadLetter? = nil) async throws -> [DeadLetter] {
        try await core.store.deadLetters(of: queue, after: last?.number ?? .min, limit: limit).map { DeadLetter($0) }
    }

    /// Starts dead letters again: each once, as a new run in its own queue, with the input that it had.
    ///
    /// As pg-boss's redrive. A run that had an id of the user's gives it to the new one, unless a newer run has it already. The queue's
    /// limits hold for them as for all others; a timeout and an expiry begin anew. One of a singleton queue, or with a deduplication key,
    /// stays a dead letter while another workflow that is open has its key.
    ///
    /// - Returns: How many were; one that somebody else has started again meanwhile is not among them, nor one that stays.
    @discardableResult
    public func redrive(_ letters: [DeadLetter]) async throws -> Int {
        if letters.isEmpty { return 0 }
        var numbers: [WorkflowNumber: WorkflowNumber] = [:]
        for letter in letters { numbers[letter.number] = try await core.numbers.next() }
        let (wanted, now) = (numbers, core.environment.clock.now())
        let done = try await core.patiently { () throws(StoreError) in try await core.store.redrive(wanted, now: now) }
        await core.wake(.ready, nil)
        return done.count
    }

    /// Starts all dead letters of a queue again, or as many as are given, the oldest first.
    @discardableResult
    public func redriveAll(of queue: String, atMost maximum: Int = .max) async throws -> Int {
        var (done, last): (Int, DeadLetter?) = (0, nil)
        while done < maximum {
            let page = try await deadLetters(of: queue, limit: min(1_000, maximum - done), after: last)
            if page.isEmpty { break }
            last = page.last
            done += try await redrive(page)
        }
        return done
    }
}
