import Foundation
import Perdure

/// Runs the scenarios in turns, until all are complete or the time is over.
struct Torture {
    static let names = [
        "takeover", "unlocked", "zombie", "boundaries", "mutation", "races", "restarts", "failover", "forgetful", "hidden", "migrations",
        "limits",
        "pooler", "silent",
    ]

    /// Those of which each commit gets a share.
    private static let share = ["takeover", "zombie", "boundaries", "mutation", "races", "migrations", "limits", "pooler"]

    let settings: Settings

    init(_ settings: Settings) { self.settings = settings }

    /// True if nothing was violated.
    func run() async throws -> Bool {
        let folder = settings.folder ?? FileManager.default.temporaryDirectory.appending(path: "perdure-torture-\(getpid())").path()
        let workshop = try Workshop(folder: folder, firstPort: settings.port)
        let chosen = settings.only.isEmpty ? Set(settings.isShare ? Self.share : Self.names) : settings.only
        let scenarios = scenarios(workshop).filter { chosen.contains($0.name) }
        let begun = ContinuousClock.now
        say("seed \(settings.seed), \(scenarios.map(\.name).joined(separator: ", "))")
        let interruptions = [SIGINT, SIGTERM, SIGHUP].map { Self.end(workshop, on: $0) }
        defer { for source in interruptions { source.cancel() } }
        try await PostgresServer.makeTemplate(in: workshop)
        let end = settings.minutes.map { begun + .seconds($0 * 60) }
        if settings.isShare {
            // They mostly wait: half of them at the same time as the other half.
            await withTaskGroup(of: Void.self) { group in
                for isLong in [true, false] {
                    nonisolated(unsafe) let half = scenarios.filter { ($0 is Suite) == isLong }
                    group.addTask { unsafe await laps(half, until: end) }
                }
            }
        } else {
            await laps(scenarios, until: end)
        }
        for scenario in scenarios {
            // Only where the time is limited may there be none.
            if settings.minutes == nil { scenario.tally.require(scenario.tally.rounds > 0, "not one round: nothing is proved") }
            await scenario.end()
        }
        Child.killAll()
        workshop.close()
        say(
            "\n" + Report.text(scenarios.map { ($0.name, $0.tally) })
                + "\n\nin \((ContinuousClock.now - begun).shown), with seed \(settings.seed)")
        let isClean = scenarios.allSatisfy { $0.tally.violations.isEmpty }
        if settings.folder == nil, isClean {
            try? FileManager.default.removeItem(atPath: folder)
        } else {
            say("all that was written is in \(folder)")
        }
        return isClean
    }

    private func laps(_ scenarios: [any Scenario], until end: ContinuousClock.Instant?) async {
        var broken: Set<String> = []
        func isOver(_ scenario: any Scenario) -> Bool {
            broken.contains(scenario.name) || (end.map { ContinuousClock.now >= $0 } ?? scenario.isComplete)
        }
        while !scenarios.allSatisfy(isOver) {
            for scenario in scenarios where !isOver(scenario) {
                let (begun, known) = (ContinuousClock.now, scenario.tally.violations.count)
                do {
                    try await scenario.lap()
                } catch {
                    scenario.tally.violations.append("could not go on: \(error)")
                    broken.insert(scenario.name)
                }
                say("\(scenario.name): \(scenario.tally.rounds) of \(scenario.tally.full), \((ContinuousClock.now - begun).shown)")
                for violation in scenario.tally.violations.dropFirst(known) { say("  ✗ \(violation)") }
            }
        }
    }

    /// Servers are no children of ours: without this they would be left behind.
    private static func end(_ workshop: Workshop, on number: Int32) -> any DispatchSourceSignal {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            Child.killAll()
            workshop.close()
            exit(128 + number)
        }
        source.resume()
        return source
    }

    private func scenarios(_ workshop: Workshop) -> [any Scenario] {
        let size = Sizes(isShare: settings.isShare)
        return [
            Takeover(
                "takeover", workshop, rounds: size(3, share: 1), workflows: size(1_000, share: 200),
                lease: size.isShare ? 1 : 10,
                // Three seconds of silence and a free lock, not the lease.
                limit: .seconds(size.isShare ? 15 : 6)),
            Takeover("unlocked", workshop, rounds: 1, workflows: 1_000, lease: 10, limit: .seconds(15), hasLocks: false),
            Zombie(workshop, rounds: size(5, share: 1), workflows: 200),
            Boundaries(workshop, size, seed: settings.seed, match: settings.match),
            Mutation(workshop, limit: size(1_000, share: 6)),
            Races(workshop, size, seed: settings.seed, match: settings.match),
            Restarts(workshop, rounds: 20, seed: settings.seed),
            Failover(workshop, .synchronous, rounds: 10, seed: settings.seed),
            Failover(workshop, .asynchronous, rounds: 10, seed: settings.seed),
            Failover(workshop, .hidden, rounds: 10, seed: settings.seed),
            MigrationRace(workshop, rounds: size(50, share: 4), seed: settings.seed),
            Limits(workshop, engines: size(8, share: 4), runs: size(100_000, share: 400), seed: settings.seed),
            Suite(workshop, .pooler, filters: size.isShare ? ["EngineOnStoresTests", "PerdurePostgresTests"] : []),
            Suite(workshop, .silent, filters: []),
        ]
    }
}
