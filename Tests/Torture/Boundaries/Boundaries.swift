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
        experiments = try await Self.plan(Shape.allCases.filter { !Shape.parts.contains($0) }, arenas)
        experiments.shuffle(using: &random)
        if !match.isEmpty { experiments = experiments.filter { $0.description.contains(match) } }
        if sizes.isShare, match.isEmpty { experiments = Self.share(of: experiments) }
        number = 1_000
        tally = Tally(full: experiments.count)
    }

    /// All experiments there are: what two rehearsals have in common, struck in every way.
    static func plan(_ shapes: [Shape], _ arenas: [Arena]) async throws -> [Experiment] {
        var all: [Experiment] = []
        var known: Set<Boundary> = []
        for (shape, rehearsal) in zip(shapes, try await rehearsals(shapes, arenas)) {
            for (place, boundary) in rehearsal.boundaries.enumerated() {
                // How an engine begins is the same for all, and struck with the first.
                if place < rehearsal.claimed, !known.insert(boundary).inserted { continue }
                for place in boundary.places {
                    for kind in Strike.Kind.misfortunes {
                        let strike = Strike(boundary: boundary, place: place, kind: kind)
                        all.append(Experiment(shape: shape, strike: strike))
                        if kind == .freeze { all.append(Experiment(shape: shape, strike: strike, isEarly: true)) }
                    }
                }
            }
        }
        return all
    }

    /// Of each shape what two runs have in common, and how much of that comes before the workflow.
    private static func rehearsals(_ shapes: [Shape], _ arenas: [Arena]) async throws -> [(boundaries: [Boundary], claimed: Int)] {
        try await each(shapes, in: arenas) { arena, shape, index in
            let (first, claimed) = try await arena.rehearse(shape, number: 2 * index)
            let second = Set(try await arena.rehearse(shape, number: 2 * index + 1).boundaries)
            return (first.filter(second.contains), first.prefix(claimed).count(where: second.contains))
        }
    }

    /// Where something becomes durable, once for each kind of transaction; twice where the answer to a commit is lost.
    private static func share(of experiments: [Experiment]) -> [Experiment] {
        let written = [
            "perdure_claim_ready", "perdure_claim_due", "perdure_claim_arrived", "perdure_finish", "perdure_finish_keeping",
            "perdure_suspend", "perdure_checkpoint",
            "perdure_start_all", "perdure_steps", "perdure_pending", "perdure_schedule_update", "perdure_effects", "perdure_start_children",
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
        try await each(batch, in: arenas) { try await $0.perform($1, number: number + $2) }
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
        // Of a few strikes that somebody has picked nothing is to be proved.
        guard isComplete, match.isEmpty else { return }
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
