import Foundation
import Perdure

/// An engine is frozen for three leases, another takes over; then it goes on, and not one of its writes is accepted.
final class Zombie: Scenario {
    let name = "zombie"
    var tally: Tally
    private let workshop: Workshop
    private let workflows: Int
    private let lease = 1.0

    init(_ workshop: Workshop, rounds: Int, workflows: Int) {
        self.workshop = workshop
        self.workflows = workflows
        tally = Tally(full: rounds)
    }

    func lap() async throws {
        let server = try await PostgresServer.make(name, in: workshop)
        let stage = try await Stage(server, folder: server.folder + "/stage", lease: lease)
        let zombie = try stage.hire()
        try await stage.accept((0..<workflows).map { "w\($0)" })
        try await eventually("it is in the middle of its work") {
            try await stage.place.number("SELECT count(*) FROM perdure.steps WHERE kind = 2") >= self.workflows / 2
        }
        let other = try stage.hire()
        stage.worker(zombie)?.send(SIGSTOP)
        let stopped = ContinuousClock.now
        try await eventually("another takes over") { try await stage.executor(of: zombie) == nil }
        tally.takeovers.append(ContinuousClock.now - stopped)
        try await Task.sleep(until: stopped + .seconds(3 * lease), clock: .continuous)

        let before = try await Records(stage.place).count(writtenBy: zombie)
        stage.worker(zombie)?.send(SIGCONT)
        try await eventually("it registers anew") { try await stage.executor(of: zombie) != nil }
        try await stage.finish(2 * workflows)
        // What both had is done by the other, unless that, too, has lost its lease on a busy machine.
        let after = try await Records(stage.place)
        if !stage.log(of: other).contains("has lost its lease") {
            tally.require(after.count(writtenBy: zombie) == before, "writes of the zombie were accepted")
        }
        let refused = server.count(ofState: "PD001")
        tally.refused += refused
        tally.require(stage.log(of: zombie).contains("has lost its lease"), "the zombie has not noticed: \(stage.log(of: zombie))")

        // It has recovered: alone, it does as well as any other.
        await stage.kill(other)
        try await stage.accept((0..<20).map { "later\($0)" }, .transactions)
        try await stage.finish(2 * workflows + 20)
        tally.rounds += 1
        tally.kills += 1
        tally.require(tally.refused > 0, "no write of a zombie was refused, so nothing is proved")
        tally.add(try await stage.audit(), "round \(tally.rounds)")
        await stage.close()
        await server.remove(workshop, after: tally)
    }

    func end() async {}
}
