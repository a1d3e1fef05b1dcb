import Foundation
import Perdure
import PerdurePostgres

/// A schema with a proxy before it, in which one race after the other takes place.
final class Ring: Sendable {
    private let place: Place
    private let proxy: Proxy

    init(_ server: PostgresServer, schema: String) async throws {
        place = try await Place(url: server.url, schema: schema)
        try await place.makeLedger()
        proxy = try Proxy(to: server.port)
    }

    func close() async {
        proxy.close()
        await place.client.close()
    }

    private var heldURL: String { "postgresql://postgres@127.0.0.1:\(proxy.port)/postgres?sslmode=disable&gssencmode=disable" }

    /// What passes until the rival comes, if nobody is held up.
    func rehearse(_ race: Race, number: Int) async throws -> [Boundary] {
        let round = try await Round(race, nil, number, self)
        try await round.fight()
        return round.passed
    }

    func perform(_ race: Race, _ strike: Strike, number: Int) async throws -> Verdict {
        let round = try await Round(race, strike, number, self)
        return try await round.fight()
    }

    /// What became of a race.
    struct Verdict: Sendable {
        /// The boundary was there before the rival came.
        var isReached = false
        /// The rival was through before the other went on.
        var isOvertaken = false
        var wasRefused = false
        var faults: [String] = []
    }

    /// One race in the making.
    private final class Round: Sendable {
        private let race: Race
        private let board: Switchboard
        private let corner: Corner
        private let ring: Ring
        private let before: Int
        private let engine: Engine
        private let running: Task<Void, any Error>
        private let held: Client?
        private let seen = Lock<[Boundary]>([])

        var passed: [Boundary] { seen.withLock { $0 } }

        init(_ race: Race, _ strike: Strike?, _ number: Int, _ ring: Ring) async throws {
            (self.race, self.ring) = (race, ring)
            board = Switchboard(strike)
            corner = Corner("race\(number)", ring.place)
            if race.isAboutOneThatIsThere { try await ring.place.client.start(Contender.self, race.bout, id: corner.id) }
            ring.proxy.use(board)
            if race.held == .engine {
                held = nil
                engine = try await Self.engine(ring.heldURL, ring.place.schema, corner.gym)
            } else {
                held = try await Place(url: ring.heldURL, schema: ring.place.schema).client
                engine = try await Self.engine(ring.place.url, ring.place.schema, corner.gym)
            }
            before = board.boundaries.count
            let engine = engine
            running = Task { try await engine.run() }
        }

        private static func engine(_ url: String, _ schema: String, _ gym: Gym) async throws -> Engine {
            var configuration = EngineConfiguration()
            // Nobody takes over: whoever is held up has its lease.
            configuration.lease = .seconds(30)
            configuration.shutdownGrace = .milliseconds(100)
            configuration.log = { _, _ in }
            configuration.flowThreads = 1
            return try await Engine(store: .postgres(url, schema: schema), configuration: configuration) { Contender(gym: gym) }
        }

        @discardableResult
        func fight() async throws -> Verdict {
            var verdict = Verdict()
            do {
                try await contend(&verdict)
                try await judge(&verdict)
            } catch {
                verdict.faults.append("\(error); \((try? await corner.standing()) ?? "")")
            }
            verdict.wasRefused = corner.wasRefused
            board.release()
            running.cancel()
            _ = try? await running.value
            await engine.close()
            await held?.close()
            return verdict
        }

        private func contend(_ verdict: inout Verdict) async throws {
            if let from = race.from {
                try await eventually("the state \(from)", within: .seconds(20)) { try await self.corner.handle().status().state == from }
            }
            corner.gym.mend()
            let (race, corner, held) = (race, corner, held)
            let contending = Task { if let held { try await race.contend(corner, held) } }
            // What is not held up by then will not be: the rival comes all the same.
            await waitForStrike()
            seen.withLock { $0 = Array(board.boundaries.dropFirst(before)) }
            verdict.isReached = board.fired.isRaised
            let through = Happening()
            let rivalling = Task {
                defer { through.raise() }
                try await race.rival(corner)
            }
            await wait(.milliseconds(250)) { through.isRaised }
            verdict.isOvertaken = verdict.isReached && through.isRaised
            board.release()
            try await contending.value
            try await rivalling.value
        }

        /// Until somebody is held up; or for so long that whoever races alone is through.
        private func waitForStrike() async {
            let end = ContinuousClock.now + .seconds(1)
            var isOver = false
            while ContinuousClock.now < end, !board.fired.isRaised, !isOver {
                await wait(.milliseconds(50)) { board.fired.isRaised }
                isOver = (try? await corner.handle().status().state.isOver) ?? false
            }
            // Some of what is done comes after the end.
            if isOver, race.from == nil { await wait(.milliseconds(100)) { board.fired.isRaised } }
            if race.from != nil, !board.fired.isRaised { await wait(.milliseconds(400)) { board.fired.isRaised } }
        }

        private func judge(_ verdict: inout Verdict) async throws {
            var status = try await corner.handle().status()
            try await eventually("the end of the workflow", within: .seconds(20)) {
                // Of several runs it is the newest that counts.
                status = try await self.corner.handle().status()
                return status.state.isOver
            }
            verdict.faults += try await race.judge(corner, status)
            verdict.faults += try await corner.judgeRemains()
        }

        private func wait(_ limit: Duration, _ isTrue: () -> Bool) async {
            let end = ContinuousClock.now + limit
            while ContinuousClock.now < end, !isTrue() { try? await Task.sleep(for: .milliseconds(2)) }
        }
    }
}

extension WorkflowStatus.State {
    /// It has ended, and does not go on as a new run.
    fileprivate var isOver: Bool { isClosed && self != .continued }
}
