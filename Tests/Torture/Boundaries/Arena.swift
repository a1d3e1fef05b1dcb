import Foundation
import Perdure

/// A schema with a proxy before it, in which one experiment after the other takes place.
final class Arena: Sendable {
    let place: Place
    private let proxy: Proxy
    private let folder: String

    init(_ server: PostgresServer, schema: String) async throws {
        folder = server.folder + "/" + schema
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        place = try await Place(url: server.url, schema: schema)
        try await place.makeLedger()
        proxy = try Proxy(to: server.port)
    }

    func close() async {
        proxy.close()
        await place.client.close()
    }

    /// What passes when nothing happens: all statements in order, and from where on they are the workflow's.
    func rehearse(_ shape: Shape, number: Int) async throws -> (boundaries: [Boundary], claimed: Int) {
        let run = try await Run(Experiment(shape: shape), number, self)
        try await run.untilFiredOrFinished()
        await run.close()
        let boundaries = run.board.boundaries
        return (boundaries, boundaries.firstIndex { $0.statement == "perdure_claim_ready" } ?? 0)
    }

    func perform(_ experiment: Experiment, number: Int) async throws -> Finding {
        let run = try await Run(experiment, number, self)
        try await run.untilFiredOrFinished()
        var violations: [String] = []
        if run.board.fired.isRaised {
            switch experiment.strike?.kind {
            case .kill: try await run.replace()
            case .freeze: violations = try await run.thaw()
            case .cut, .hold, nil: try await run.goOn()
            }
        }
        if !run.finished.isRaised { violations.append("it was not finished in time") }
        violations += run.board.accepted.map { "the server accepted \($0) of a process that had lost its lease" }
        await run.close()
        var finding = Finding(experiment: experiment, audit: try await run.audit())
        (finding.isReached, finding.violations, finding.takeover) = (run.board.fired.isRaised, violations, run.takeover)
        finding.defences = Defences(run.board)
        if violations.isEmpty, finding.audit.isClean { run.clear() }
        return finding
    }

    /// One experiment in the making.
    private final class Run {
        let experiment: Experiment
        let board: Switchboard
        let finished = Happening()
        private(set) var takeover: Duration?
        private let place: Place
        private let diary: Diary
        private let log: String
        private let name: String
        private let victim: Child
        private let waiting: Task<Void, any Error>
        private var rescuer: Rescuer?

        init(_ experiment: Experiment, _ number: Int, _ arena: Arena) async throws {
            self.experiment = experiment
            place = arena.place
            name = "x\(number)"
            log = "\(arena.folder)/\(name).log"
            diary = try Diary("\(arena.folder)/\(name).diary")
            board = Switchboard(experiment.strike)
            arena.proxy.use(board)
            var ids: [String] = []
            for index in 0..<experiment.workflows { ids += try await place.begin(experiment.shape, "\(name)-\(index)") }
            for id in ids { diary.write(Entry(.accepted, process: "client", workflow: id)) }
            let (all, finished, place) = (ids, finished, place)
            waiting = Task {
                for id in all { try await place.end(of: id) }
                finished.raise()
            }
            var options = WorkerOptions(
                url: "postgresql://postgres@127.0.0.1:\(arena.proxy.port)/postgres?sslmode=disable&gssencmode=disable",
                schema: place.schema, diary: diary.path, mark: "v\(number)")
            options.lease = 0.6
            options.maximumInMemory = experiment.maximumInMemory
            victim = try options.start(log: log)
            board.struck(victim.pid)
        }

        private func scribe(_ name: String) -> Scribe { Scribe(diary: diary, process: name) }

        private func wait(_ limit: Duration, _ isTrue: () async throws -> Bool) async rethrows {
            let end = ContinuousClock.now + limit
            while ContinuousClock.now < end, try await !isTrue() { try? await Task.sleep(for: .milliseconds(5)) }
        }

        func untilFiredOrFinished() async throws {
            await wait(.seconds(20)) { board.fired.isRaised || finished.isRaised }
            // Some of what is done comes after the end.
            if experiment.strike == nil || !board.fired.isRaised { await wait(.milliseconds(300)) { board.fired.isRaised } }
        }

        func untilFinished() async { await wait(.seconds(40)) { finished.isRaised } }

        /// Whoever has lost a connection makes another, unless it has not even begun: then whoever started it does so again.
        func goOn() async throws {
            await wait(.seconds(40)) { finished.isRaised || !victim.isRunning }
            if !finished.isRaised, !victim.isRunning, !isRegistered { try await replace() }
        }

        private var isRegistered: Bool { board.count(of: "perdure_claim_ready") > 0 }

        /// Another engine takes over from the dead.
        func replace() async throws {
            let struck = ContinuousClock.now
            await victim.exit()
            rescuer = try await Rescuer(place, scribe("r"), maximumInMemory: experiment.maximumInMemory)
            await untilFinished()
            takeover = ContinuousClock.now - struck
        }

        /// Another engine takes over from the frozen, which then goes on.
        func thaw() async throws -> [String] {
            rescuer = try await Rescuer(place, experiment.isEarly ? nil : scribe("r"), maximumInMemory: experiment.maximumInMemory)
            if !experiment.isEarly { await untilFinished() }
            let (place, pid) = (place, victim.pid)
            try await wait(.seconds(20)) {
                try await Task.sleep(for: .milliseconds(20))
                return try await place.executor(ofProcess: pid) == nil
            }
            if experiment.isEarly { await rescuer?.end() }
            let before = try await Records(place, prefix: name).count(writtenBy: "v\(name.dropFirst())")
            victim.send(SIGCONT)
            board.release()
            await wait(.seconds(2)) { board.answered.isRaised }
            // What other connections had on the way comes a little later.
            try await Task.sleep(for: .milliseconds(300))
            if experiment.isEarly {
                rescuer = try await Rescuer(place, scribe("r"), maximumInMemory: experiment.maximumInMemory)
                await untilFinished()
                return []
            }
            let after = try await Records(place, prefix: name).count(writtenBy: "v\(name.dropFirst())")
            return after == before ? [] : ["\(after - before) rows were written by a process that had lost its lease"]
        }

        func close() async {
            await victim.killAtOnce()
            board.release()
            waiting.cancel()
            await rescuer?.end()
        }

        func audit() async throws -> Audit { Audit(try diary.entries(), try await Records(place, prefix: name)) }

        /// What nobody will want to read.
        func clear() {
            for path in [diary.path, log] { try? FileManager.default.removeItem(atPath: path) }
        }
    }
}
