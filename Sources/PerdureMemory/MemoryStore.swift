internal import Perdure

/// One opening of a database in memory.
final class MemoryStore: StoreBackend {
    let database: MemoryDatabase
    private let opened = Lock(Opened())

    /// What `close` ends.
    private struct Opened: Sendable {
        var writers: [MemoryWriter] = []
        var subscriptions: [Int] = []
    }

    init(_ database: MemoryDatabase) { self.database = database }

    var writers: Int { database.writers }
    var identity: String { database.identity }
    var pollInterval: Duration { .seconds(5) }

    func schemaVersion() async throws(StoreError) -> SchemaVersion {
        try database.perform(.schemaVersion) { _, _ in SchemaVersion(version: 3, minimumReader: 3) }
    }

    func close() async {
        let opened = opened.withLock { opened in
            defer { opened = Opened() }
            return opened
        }
        for number in opened.subscriptions { database.stopListening(number) }
        for writer in opened.writers { await writer.close() }
    }

    func writer(_ index: Int, for executor: ExecutorID) async throws(StoreError) -> any JournalWriter {
        try database.perform(.openWriter, by: executor) { tables, _ throws(StoreError) in try tables.checkFence(executor) }
        let writer = MemoryWriter(database, index: index, for: executor)
        opened.withLock { $0.writers.append(writer) }
        return writer
    }

    func claimer(for executor: ExecutorID) async throws(StoreError) -> any Claimer {
        try database.perform(.openClaimer, by: executor) { tables, _ throws(StoreError) in try tables.checkFence(executor) }
        return MemoryClaimer(database, for: executor)
    }

    func begin(_ isolation: IsolationLevel, for executor: ExecutorID?) async throws(StoreError) -> any OpenTransaction {
        try database.perform(.begin, by: executor) { _, _ in }
        return MemoryTransaction(database, for: executor)
    }

    func listen(_ receive: @escaping @Sendable (Wakeup) -> Void) async throws(StoreError) -> any WakeupSubscription {
        try database.perform(.listen) { _, _ in }
        let number = database.listen(receive)
        opened.withLock { $0.subscriptions.append(number) }
        return MemorySubscription(database: database, number: number)
    }

    func notify(_ wakeups: [Wakeup]) async {
        // A fault loses the hint, as a broken connection does.
        guard (try? database.perform(.notify) { _, _ in }) != nil else { return }
        database.notify(wakeups)
    }
}

private struct MemorySubscription: WakeupSubscription {
    let database: MemoryDatabase
    let number: Int

    func cancel() async { database.stopListening(number) }
}

// MARK: - Reading

extension MemoryStore {
    func load(_ numbers: [WorkflowNumber], limit: Int) async throws(StoreError) -> [LoadedWorkflow] {
        try database.perform(.load) { tables, _ in tables.load(numbers, limit: limit) }
    }

    func history(of number: WorkflowNumber, after order: Int64, limit: Int) async throws(StoreError) -> [StepRecord] {
        try database.perform(.history) { tables, _ in tables.history(of: number, after: order, limit: limit) }
    }

    func inbox(of numbers: [WorkflowNumber]) async throws(StoreError) -> [InboxItem] {
        try database.perform(.inbox) { tables, _ in tables.inbox(of: numbers) }
    }

    func groupEnds(of parent: WorkflowNumber, _ group: String, limit: Int, bytes: Int) async throws(StoreError) -> [GroupEnd] {
        try database.perform(.groupEnds) { tables, _ in tables.groupEnds(of: parent, group, limit: limit, bytes: bytes) }
    }

    func openChildren(of numbers: [WorkflowNumber]) async throws(StoreError) -> [WorkflowNumber: [OpenChild]] {
        try database.perform(.openChildren) { tables, _ in tables.openChildren(of: numbers) }
    }
}

// MARK: - Looking

extension MemoryStore {
    func numbers(
        of selection: ArchiveSelection, after number: WorkflowNumber, limit: Int
    ) async throws(StoreError) -> [WorkflowNumber] {
        try database.perform(.archive) { tables, _ in tables.numbers(of: selection, after: number, limit: limit) }
    }

    func recorded(_ number: WorkflowNumber) async throws(StoreError) -> RecordedHistory? {
        try database.perform(.archive) { tables, _ in tables.recorded(number) }
    }

    func versions() async throws(StoreError) -> [VersionRecord] {
        try database.perform(.archive) { tables, now in tables.versions(now: now) }
    }
}

// MARK: - Leases

extension MemoryStore {
    func register(_ executor: ExecutorID, _ description: ExecutorDescription) async throws(StoreError) {
        try database.perform(.register, by: executor) { tables, now throws(StoreError) in
            try tables.register(executor, description, now: now)
        }
    }

    func renew(_ executor: ExecutorID, _ terms: LeaseTerms) async throws(StoreError) -> Duration? {
        try database.perform(.renew, by: executor) { tables, now throws(StoreError) in try tables.renew(executor, terms, now: now) }
    }

    func reap(_ rules: ReapRules) async throws(StoreError) -> ReapReport {
        try database.perform(.reap) { tables, now in tables.reap(rules, now: now) }
    }

    func lead(_ duty: Duty, _ executor: ExecutorID, for term: Duration) async throws(StoreError) -> Bool {
        try database.perform(.lead, by: executor) { tables, now in
            tables.lead(duty, executor, until: now + term.microseconds, now: now)
        }
    }

    /// Nothing is left over here: an end and a delivery are one after the other.
    func tidy(after sequence: Int64, limit: Int) async throws(StoreError) -> Tidied {
        try database.perform(.tidy) { _, _ in Tidied() }
    }

    func retire(_ executor: ExecutorID) async throws(StoreError) {
        try database.perform(.retire, by: executor) { tables, now in tables.retire(executor, now: now) }
    }
}

// MARK: - Clients

extension MemoryStore {
    func numberBlock() async throws(StoreError) -> NumberBlock {
        try database.perform(.numberBlock) { tables, now in tables.numberBlock(count: 1024, now: now) }
    }

    func start(
        _ starts: [(WorkflowRecord, IDPolicies)], by executor: ExecutorID?, isOwned: Bool
    ) async throws(StoreError) -> [StartResult] {
        try database.perform(.start, by: executor) { tables, now throws(StoreError) in
            if let executor { try tables.checkFence(executor) }
            return try tables.start(starts, owner: isOwned ? executor : nil, now: now)
        }
    }

    func number(ofID id: String) async throws(StoreError) -> WorkflowNumber? {
        try database.perform(.numberOfID) { tables, _ in tables.ids[ExactText(id)] }
    }

    func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord? {
        // A test that asks until something has happened would otherwise keep its thread, and what is to happen may need that.
        await Task.yield()
        return try database.perform(.status) { tables, now in tables.status(of: number, now: now) }
    }

    func endings(of numbers: [WorkflowNumber]) async throws(StoreError) -> [Ending] {
        try database.perform(.endings) { tables, _ in tables.endings(of: numbers) }
    }

    func newestRuns(of numbers: [WorkflowNumber]) async throws(StoreError) -> [WorkflowNumber: WorkflowNumber] {
        try database.perform(.newestRuns) { tables, _ in
            var runs: [WorkflowNumber: WorkflowNumber] = [:]
            for number in numbers where tables.newestRun(of: number) != number { runs[number] = tables.newestRun(of: number) }
            return runs
        }
    }

    func deliver(_ items: [InboxItem]) async throws(StoreError) {
        try database.perform(.deliver) { tables, _ in
            for item in items { tables.deliver(item) }
        }
    }

    func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool {
        try database.perform(.resume) { tables, _ in tables.resume(number) }
    }

    func succeed(_ succession: Succession) async throws(StoreError) -> SuccessionResult {
        try database.perform(.succeed) { tables, _ throws(StoreError) in try tables.succeed(succession) }
    }
}
