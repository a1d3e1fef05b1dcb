import Foundation
import Perdure

/// The server falls over under load, again and again, and comes back.
final class Restarts: Scenario {
    let name = "restarts"
    var tally: Tally
    private let workshop: Workshop
    private var random: Seeded

    init(_ workshop: Workshop, rounds: Int, seed: UInt64) {
        self.workshop = workshop
        random = Seeded(seed)
        tally = Tally(full: rounds)
    }

    func lap() async throws {
        let server = try await PostgresServer.make(name, in: workshop)
        let stage = try await Stage(server, folder: server.folder + "/stage", lease: 3)
        for _ in 0..<2 { try stage.hire() }
        let (rounds, each) = (5, 150)
        var inFlight = 0
        for round in 0..<rounds {
            let ids = (0..<each).map { "w\(round)-\($0)" }
            async let accepting: Void = stage.accept(ids)
            try await Task.sleep(for: .milliseconds(.random(in: 300...1_500, using: &random)))
            inFlight += try await stage.inFlight()
            try await server.crash(workshop)
            try await server.start(workshop)
            tally.kills += 1
            tally.rounds += 1
            try await accepting
        }
        try await stage.finish(2 * rounds * each)
        tally.require(inFlight > 0, "nothing was in flight when the server fell over: nothing is proved")
        tally.refused += server.count(ofState: "PD001")
        tally.add(try await stage.audit(), "rounds up to \(tally.rounds)")
        await stage.close()
        await server.remove(workshop, after: tally)
    }

    func end() async {}
}
