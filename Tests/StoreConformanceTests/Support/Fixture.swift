internal import Perdure
internal import Testing

/// A fresh database, opened, with what tests need to talk to it.
final class Fixture: Sendable {
    let kind: StoreUnderTest
    let store: Store
    let backend: any StoreBackend
    let viewPrefix: String?
    private let opened: Lock<[any StoreBackend]>
    private let numbers = Lock<NumberBlock?>(nil)

    fileprivate init(kind: StoreUnderTest, database: TestDatabase, backend: any StoreBackend) {
        self.kind = kind
        store = database.store
        viewPrefix = database.viewPrefix
        self.backend = backend
        opened = Lock([])
    }

    /// Another opening of the same database, as of another process.
    func open() async throws -> any StoreBackend {
        let backend = try await store.open(StoreSettings())
        opened.withLock { $0.append(backend) }
        return backend
    }

    func number() async throws -> WorkflowNumber {
        if let number = numbers.withLock({ $0.takeFirst() }) { return number }
        var block: NumberBlock? = try await backend.numberBlock()
        let first = block.takeFirst()
        let number = try #require(first)
        numbers.withLock { $0 = block }
        return number
    }

    func executor(
        lease: Duration = .seconds(600), on backend: (any StoreBackend)? = nil,
        serving repertoire: Repertoire = Repertoire(workflows: [], versions: [])
    ) async throws -> TestExecutor {
        let backend = backend ?? self.backend
        let id = ExecutorID.random(in: 1...ExecutorID.max)
        try await backend.register(id, ExecutorDescription(label: "test", terms: LeaseTerms(lease: lease), repertoire: repertoire))
        return TestExecutor(
            id: id, backend: backend, writer: try await backend.writer(0, for: id), claimer: try await backend.claimer(for: id))
    }

    /// An executor that the reaper has found dead.
    func reapedExecutor(owning records: [WorkflowRecord] = []) async throws -> TestExecutor {
        let executor = try await executor(lease: .milliseconds(50))
        try await executor.commit(records.map { .start($0) })
        try await reap(executor)
        return executor
    }

    /// Reaps until it is gone, without returning what it owned.
    func reap(_ executor: TestExecutor) async throws {
        try await eventually("executor \(executor.id) is reaped") {
            try await self.backend.reap(limit: 0).executors.contains(executor.id)
        }
    }

    /// A workflow that was started by, and belongs to, an executor.
    func owned(by executor: TestExecutor, _ name: String = "flow") async throws -> WorkflowNumber {
        let record = try await record(name)
        try await executor.commit([.start(record)])
        return record.number
    }

    func record(_ name: String = "flow", id: String? = nil, lane: Lane? = nil, due: Microseconds? = nil) async throws -> WorkflowRecord {
        WorkflowRecord(
            number: try await number(), id: id, lane: lane ?? Lane(workflow: name), input: .json("{\"for\":\"\(name)\"}"),
            created: Self.moment, due: due)
    }

    /// Starts one from outside, to be claimed.
    func ready(_ name: String = "flow", lane: Lane? = nil, due: Microseconds? = nil) async throws -> WorkflowNumber {
        let record = try await record(name, lane: lane, due: due)
        let results = try await backend.start([(record, IDPolicies())], owner: nil)
        #expect(results == [.started(owned: false)])
        return record.number
    }

    func status(_ number: WorkflowNumber) async throws -> StatusRecord {
        try #require(try await backend.status(of: number))
    }

    func load(_ number: WorkflowNumber) async throws -> LoadedWorkflow {
        try #require(try await backend.load([number], limit: 10_000).first)
    }

    func inbox(_ number: WorkflowNumber) async throws -> [InboxItem] { try await backend.inbox(of: [number]) }

    fileprivate func closeOthers() async {
        for backend in opened.withLock({ $0 }) { await backend.close() }
    }

    /// Some moment in the past.
    static let moment: Microseconds = 1_763_629_200_000_000
    /// A moment that is not reached: 2100.
    static let future: Microseconds = 4_102_444_800_000_000
}

extension NumberBlock? {
    fileprivate mutating func takeFirst() -> WorkflowNumber? {
        guard let block = self, block.count > 0 else { return nil }
        self = NumberBlock(first: block.first + 1, count: block.count - 1)
        return block.first
    }
}

/// A registered executor with its first writer and its claimer.
struct TestExecutor: Sendable {
    let id: ExecutorID
    let backend: any StoreBackend
    let writer: any JournalWriter
    let claimer: any Claimer

    @discardableResult
    func commit(_ batch: [Command]) async throws -> [CommandResult] {
        let results = try await writer.commit(batch)
        #expect(results.count == batch.count)
        return results
    }

    @discardableResult
    func commit(_ command: Command) async throws -> CommandResult {
        try #require(try await commit([command]).first)
    }

    func claimReady(_ names: Set<String> = ["flow"], limit: Int = 100) async throws -> [WorkflowNumber] {
        try await claimer.claimReady(workflows: names, versions: [""], limit: limit).map(\.number)
    }
}

/// How many databases are open at the same time: a server has only so many connections.
private let gate = Gate(4)

/// Runs a test against a fresh database and removes it.
func withStore(_ kind: StoreUnderTest, _ body: (Fixture) async throws -> Void) async throws {
    try await gate.pass {
        let database = try kind.makeDatabase()
        let fixture = Fixture(kind: kind, database: database, backend: try await database.store.open(StoreSettings()))
        var failure: (any Error)?
        do { try await body(fixture) } catch { failure = error }
        await fixture.closeOthers()
        do { try await database.remove(fixture.backend) } catch { failure = failure ?? error }
        if let failure { throw failure }
    }
}

extension Fixture {
    func ownedMany(_ count: Int, by executor: TestExecutor, _ name: String = "flow") async throws -> [WorkflowNumber] {
        var records: [WorkflowRecord] = []
        for _ in 0..<count { records.append(try await record(name)) }
        try await executor.commit(records.map { .start($0) })
        return records.map(\.number)
    }

    func readyMany(_ count: Int, _ name: String = "flow") async throws -> [WorkflowNumber] {
        var starts: [(WorkflowRecord, IDPolicies)] = []
        for _ in 0..<count { starts.append((try await record(name), IDPolicies())) }
        #expect(try await backend.start(starts, owner: nil) == starts.map { _ in .started(owned: false) })
        return starts.map(\.0.number)
    }

    func statuses(_ numbers: [WorkflowNumber]) async throws -> [StatusRecord] {
        var statuses: [StatusRecord] = []
        for number in numbers { statuses.append(try await status(number)) }
        return statuses
    }
}

extension Claimer {
    func claimReady(workflows: Set<String>, versions: Set<String>, limit: Int) async throws(StoreError) -> [Claimed] {
        try await claimReady(Repertoire(workflows: workflows, versions: versions), limit: limit)
    }

    func claimDue(now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        try await claimDue(.flow, now: now, limit: limit)
    }

    func claimArrived(_ numbers: [WorkflowNumber]) async throws(StoreError) -> [Claimed] { try await claimArrived(numbers, .flow) }
}

extension Repertoire {
    /// What nearly all tests start.
    static let flow = Repertoire(workflows: ["flow"], versions: [""])
}
