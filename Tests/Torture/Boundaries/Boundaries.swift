import Foundation
import Perdure

/// Strikes at every statement of every kind of workflow: chance alone would hardly find the one place that is wrong.
final class Boundaries: Scenario {
    let name = "boundaries"
    var tally = Tally(full: 1)
    private let workshop: Workshop
    private let sizes: Sizes
    private let match: String
    private var random: Seeded
    private var server: PostgresServer?
    private var arenas: [Arena] = []
    private var experiments: [Experiment] = []
    private var next = 0
    private var number = 0
    private var unreached: [String] = []
    private var defences = Defences()

    init(_ workshop: Workshop, _ sizes: Sizes, seed: UInt64, match: String) {
        self.match = match
        self.workshop = workshop
        self.sizes = sizes
        random = Seeded(seed)
    }

    func lap() async throws {
        if arenas.isEmpty { try await prepare() }
        if next >= experiments.count { next = 0 }
        let batch = Array(experiments[next..<min(experiments.count, next + sizes(200, share: 1_000))])
        next += batch.count
        for finding in try await Self.perform(batch, in: arenas, from: number) { add(finding) }
        number += batch.count
        conclude()
    }

    func end() async {
        for arena in arenas { await arena.close() }
        await server?.remove(workshop, after: tally)
    }

    private func prepare() async throws {
        let server = try await PostgresServer.make(name, in: workshop)
        self.server = server
        for lane in 0..<8 { arenas.append(try await Arena(server, schema: "arena\(lane)")) }
        experiments = try await Self.plan(Shape.allCases.filter { ![.mixed, .leaf].contains($0) }, arenas[0])
        experiments.shuffle(using: &random)
        if !match.isEmpty { experiments = experiments.filter { $0.description.contains(match) } }
        if sizes.isShare, match.isEmpty { experiments = Self.share(of: experiments) }
        number = 1_000
        tally = Tally(full: experiments.count)
    }

    /// All experiments there are: what two rehearsals have in common, struck in every way.
    static func plan(_ shapes: [Shape], _ arena: Arena) async throws -> [Experiment] {
        var all: [Experiment] = []
        var known: Set<Boundary> = []
        for (index, shape) in shapes.enumerated() {
            let (first, claimed) = try await arena.rehearse(shape, number: 2 * index)
            let second = Set(try await arena.rehearse(shape, number: 2 * index + 1).boundaries)
            for (place, boundary) in first.enumerated() where second.contains(boundary) {
                // How an engine begins is the same for all, and struck with the first.
                if place < claimed, !known.insert(boundary).inserted { continue }
                // Before the end of an implicit transaction is after its statement, and nothing comes of it.
                for place in Strike.Place.allCases where place == .after || !boundary.statement.hasSuffix(" sync") {
                    for kind in Strike.Kind.allCases {
                        let strike = Strike(boundary: boundary, place: place, kind: kind)
                        all.append(Experiment(shape: shape, strike: strike))
                        if kind == .freeze { all.append(Experiment(shape: shape, strike: strike, isEarly: true)) }
                    }
                }
            }
        }
        return all
    }

    /// Where something becomes durable, once for each kind of transaction; twice where the answer to a commit is lost.
    private static func share(of experiments: [Experiment]) -> [Experiment] {
        let written = [
            "perdure_claim_ready", "perdure_claim_due", "perdure_claim_arrived", "perdure_finish", "perdure_suspend", "perdure_checkpoint",
            "perdure_start_all", "perdure_steps", "perdure_pending", "perdure_schedule_update",
        ]
        var known: [String: Int] = [:]
        return experiments.filter { experiment in
            guard let strike = experiment.strike else { return false }
            let statement = strike.boundary.statement
            guard written.contains(where: { statement == "perdure_commit of \($0)" }) || statement == "perdure_step_alone sync" else {
                return false
            }
            let times = strike.place == .after && strike.kind == .cut ? 2 : 1
            let kind = "\(statement) \(strike.place) \(strike.kind) \(experiment.isEarly)"
            known[kind, default: 0] += 1
            return known[kind, default: 0] <= times
        }
    }

    static func perform(_ batch: [Experiment], in arenas: [Arena], from number: Int) async throws -> [Finding] {
        let left = Lock(Array(batch.enumerated().reversed()))
        return try await withThrowingTaskGroup(of: [Finding].self) { group in
            for arena in arenas {
                group.addTask {
                    var findings: [Finding] = []
                    while let (index, experiment) = left.withLock({ $0.popLast() }) {
                        findings.append(try await arena.perform(experiment, number: number + index))
                    }
                    return findings
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func add(_ finding: Finding) {
        tally.rounds += 1
        if !finding.isReached { unreached.append(finding.experiment.description) }
        if finding.experiment.strike?.kind == .kill { tally.kills += 1 }
        tally.refused += finding.defences.refused
        if let takeover = finding.takeover { tally.takeovers.append(takeover) }
        defences += finding.defences
        tally.add(finding.audit, finding.experiment.description)
        tally.violations += finding.violations.map { "\(finding.experiment): \($0)" }
    }

    private func conclude() {
        tally.notes = ["\(unreached.count) boundaries were not there when they were to be struck; \(defences.text)"]
        guard isComplete else { return }
        tally.require(defences.cancels == 0, "the server was asked to cancel a statement \(defences.cancels) times")
        tally.require(
            unreached.count * 5 < tally.rounds,
            "\(unreached.count) of \(tally.rounds) boundaries were not reached, as \(unreached.prefix(5))")
        var proofs = [
            ("the fence refused", defences.refused), ("a frozen session was ended", defences.ended),
            ("a claim was looked for", defences.swept),
        ]
        // A share strikes once or twice where these fire, and what other connections do decides whether they do.
        if !sizes.isShare {
            proofs += [("a batch that was sent again was recognized", defences.resent), ("a checkpoint was found", defences.conflicts)]
        }
        for (what, count) in proofs {
            tally.require(count > 0, "not once it happened that \(what): nothing is proved")
        }
    }
}
