import Foundation
import Perdure

/// Every race, with one side held up at each of its statements in turn while the other does what it wants.
final class Races: Scenario {
    let name = "races"
    var tally = Tally(full: 1)
    private let workshop: Workshop
    private let sizes: Sizes
    private let match: String
    private var random: Seeded
    private var server: PostgresServer?
    private var rings: [Ring] = []
    private var heats: [(race: Race, strike: Strike)] = []
    private var next = 0
    private var (reached, overtaken, refused) = (0, 0, 0)

    init(_ workshop: Workshop, _ sizes: Sizes, seed: UInt64, match: String) {
        (self.workshop, self.sizes, self.match) = (workshop, sizes, match)
        random = Seeded(seed)
    }

    func lap() async throws {
        if rings.isEmpty { try await prepare() }
        if next >= heats.count { next = 0 }
        let batch = Array(heats[next..<min(heats.count, next + 200)])
        let first = 1_000 + tally.rounds
        next += batch.count
        for (heat, verdict) in zip(batch, try await each(batch, in: rings) { try await $0.perform($1.race, $1.strike, number: first + $2) })
        {
            add(verdict, "\(heat.race.name), \(heat.strike)")
        }
        conclude()
    }

    func end() async {
        for ring in rings { await ring.close() }
        await server?.remove(workshop, after: tally)
    }

    /// All there are: what two rehearsals have in common, held up before and after.
    private func prepare() async throws {
        let server = try await PostgresServer.make(name, in: workshop)
        self.server = server
        for lane in 0..<8 { rings.append(try await Ring(server, schema: "ring\(lane)")) }
        let rehearsals = try await each(Race.all + Race.all, in: rings) { try await $0.rehearse($1, number: $2) }
        for (index, race) in Race.all.enumerated() {
            let second = Set(rehearsals[index + Race.all.count])
            for boundary in rehearsals[index] where second.contains(boundary) {
                for place in boundary.places { heats.append((race, Strike(boundary: boundary, place: place, kind: .hold))) }
            }
        }
        heats.shuffle(using: &random)
        if !match.isEmpty { heats = heats.filter { "\($0.race.name), \($0.strike)".contains(match) } }
        if sizes.isShare, match.isEmpty { heats = share() }
        tally = Tally(full: heats.count)
    }

    /// Of each race a few, among them the ends of its transactions.
    private func share() -> [(race: Race, strike: Strike)] {
        var counts: [String: Int] = [:]
        return heats.filter { heat in
            let isEnd = heat.strike.boundary.statement.hasPrefix("perdure_commit of") || heat.strike.boundary.statement == "COMMIT"
            let kind = heat.race.name + (isEnd ? " at an end" : "")
            counts[kind, default: 0] += 1
            return counts[kind, default: 0] <= 4
        }
    }

    private func add(_ verdict: Ring.Verdict, _ what: String) {
        tally.rounds += 1
        tally.workflows += 1
        reached += verdict.isReached ? 1 : 0
        overtaken += verdict.isOvertaken ? 1 : 0
        refused += verdict.wasRefused ? 1 : 0
        tally.violations += verdict.faults.map { "\(what): \($0)" }
    }

    private func conclude() {
        tally.notes = [
            "\(reached) were held up; \(overtaken) were overtaken meanwhile, \(reached - overtaken) made the other wait; \(refused) times somebody was told that it is too late"
        ]
        guard isComplete, match.isEmpty else { return }
        tally.require(reached * 5 > tally.rounds * 4, "only \(reached) of \(tally.rounds) were held up")
        for (what, count) in [("overtaken", overtaken), ("made to wait", reached - overtaken), ("refused", refused)] {
            tally.require(count > 0, "not once was anybody \(what): nothing is proved")
        }
    }
}
