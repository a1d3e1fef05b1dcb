import Foundation
import Perdure

/// Two engines; one is killed in the middle of its work, and the other finishes it.
final class Takeover: Scenario {
    let name: String
    var tally: Tally
    private let workshop: Workshop
    private let workflows: Int
    private let lease: Double
    /// Within which the other must have what the dead one had.
    private let limit: Duration
    private let hasLocks: Bool

    /// - Parameter hasLocks: Engines hold advisory locks, so that others need not wait for the end of the lease.
    init(_ name: String, _ workshop: Workshop, rounds: Int, workflows: Int, lease: Double, limit: Duration, hasLocks: Bool = true) {
        self.hasLocks = hasLocks
        self.name = name
        self.workshop = workshop
        self.workflows = workflows
        self.lease = lease
        self.limit = limit
        tally = Tally(full: rounds)
    }

    func lap() async throws {
        let server = try await PostgresServer.make(name, in: workshop)
        let stage = try await Stage(server, folder: server.folder + "/stage", lease: lease, hasLocks: hasLocks)
        let victim = try stage.hire()
        try stage.hire()
        try await eventually("both workers are registered") {
            try await stage.place.number("SELECT count(*) FROM perdure.executors") == 2
        }
        // What the survivor may reap it may not before it has lived for a lease.
        try await Task.sleep(for: .seconds(lease))
        try await stage.accept((0..<workflows).map { "w\($0)" })
        try await eventually("the victim is in the middle of its work") {
            try await stage.place.number("SELECT count(*) FROM perdure.steps WHERE kind = 2") >= self.workflows * 2 / 3
        }
        let executor = try await stage.executor(of: victim) ?? -1
        await stage.kill(victim)
        let killed = ContinuousClock.now
        let left = try await stage.place.number("SELECT count(*) FROM perdure.live WHERE executor = \(executor)")
        try await eventually("what it had is taken over") {
            try await stage.place.number("SELECT count(*) FROM perdure.live WHERE executor = \(executor)") == 0
        }
        tally.takeovers.append(ContinuousClock.now - killed)
        try await stage.finish(2 * workflows)
        tally.rounds += 1
        tally.kills += 1
        tally.require(left > 0, "the victim had nothing when it was killed")
        tally.require(tally.takeovers.last ?? .zero <= limit, "the takeover took \(tally.takeovers.last?.shown ?? "")")
        tally.add(try await stage.audit(), "round \(tally.rounds)")
        await stage.close()
        await server.remove(workshop, after: tally)
    }

    func end() async {}
}
