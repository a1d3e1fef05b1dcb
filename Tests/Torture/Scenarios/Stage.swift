import Foundation
import Perdure
import PerdurePostgres

/// A database, workers on it, and the diary that they all keep.
final class Stage: Sendable {
    let place: Place
    let diary: Diary
    let folder: String
    private let workers = Lock<[String: Child]>([:])
    private let born = Lock(0)
    private let lease: Double
    private let url: String
    private let hasLocks: Bool
    private let work: WorkerOptions.Work

    /// - Parameters:
    ///   - url: By which workers reach the database.
    ///   - work: What they run.
    init(
        _ server: PostgresServer, url: String? = nil, schema: String = "perdure", folder: String, lease: Double, hasLocks: Bool = true,
        work: WorkerOptions.Work = .ordeals
    ) async throws {
        (self.hasLocks, self.work) = (hasLocks, work)
        self.folder = folder
        self.lease = lease
        self.url = url ?? server.url
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        diary = try Diary(folder + "/diary")
        place = try await Place(url: self.url, schema: schema)
        try await place.makeLedger()
    }

    /// A new worker; returns its name in the diary.
    @discardableResult
    func hire() throws -> String {
        let number = born.withLock { born in
            born += 1
            return born
        }
        let mark = "worker\(number)"
        var options = WorkerOptions(url: url, schema: place.schema, diary: diary.path, mark: mark)
        options.lease = lease
        options.hasLocks = hasLocks
        options.work = work
        let worker = try options.start(log: "\(folder)/\(mark).log")
        workers.withLock { $0[mark] = worker }
        return mark
    }

    var marks: [String] { workers.withLock { $0.keys.sorted() } }

    func worker(_ mark: String) -> Child? { workers.withLock { $0[mark] } }

    func kill(_ mark: String) async { await workers.withLock { $0.removeValue(forKey: mark) }?.killAtOnce() }

    func log(of mark: String) -> String { (try? String(contentsOfFile: "\(folder)/\(mark).log", encoding: .utf8)) ?? "" }

    /// Starts workflows, 32 at a time, until the database has accepted each.
    func accept(_ ids: [String], _ shape: Shape = .mixed) async throws {
        let (client, diary) = (place.client, diary)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<min(32, ids.count) {
                let mine = stride(from: lane, to: ids.count, by: 32).map { ids[$0] }
                group.addTask {
                    for id in mine {
                        // Of an answer that was lost nobody knows what it was: the id makes the second try find the first.
                        _ = try await insist { try await client.start(Ordeal.self, shape, id: id) }
                        diary.write(Entry(.accepted, process: "client", workflow: id))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Waits until so many workflows have ended, or nothing has happened for a long time.
    func finish(_ count: Int, patience: Duration = .seconds(60)) async throws {
        var before = -1
        var end = ContinuousClock.now + patience
        while true {
            let ended = try await place.number("SELECT count(*) FROM \(identifier: place.schema).outcomes")
            let steps = try await place.number("SELECT count(*) FROM \(identifier: place.schema).steps")
            if ended >= count { return }
            if ended + steps != before { (before, end) = (ended + steps, ContinuousClock.now + patience) }
            // What is missing is found by the audit.
            guard ContinuousClock.now < end else { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// How many workflows are being run at this moment.
    func inFlight() async throws -> Int {
        try await place.number("SELECT count(*) FROM \(identifier: place.schema).live WHERE state = 1")
    }

    func audit() async throws -> Audit { Audit(try diary.entries(), try await Records(place)) }

    /// The executor of a worker; nil when it is reaped, or not registered yet.
    func executor(of mark: String) async throws -> Int64? {
        guard let pid = worker(mark)?.pid else { return nil }
        return try await place.executor(ofProcess: pid)
    }

    func close() async {
        for worker in workers.withLock({ Array($0.values) }) { await worker.killAtOnce() }
        await place.client.close()
    }
}

extension Place {
    func executor(ofProcess pid: Int32) async throws -> Int64? {
        try await insist {
            try await client.transaction(isolation: .readCommitted) { db in
                try await db.query("SELECT executor FROM \(identifier: schema).executors WHERE label LIKE \("%:\(pid)")", as: Int64.self)
                    .first
            }
        }
    }
}
