import Foundation
import Perdure

/// The primary dies under load, and its standby is promoted.
final class Failover: Scenario {
    let name: String
    var tally: Tally
    private let workshop: Workshop
    private let kind: Kind
    private var isSynchronous: Bool { kind == .synchronous }
    private var random: Seeded
    private var forgotten = 0

    enum Kind: String {
        /// Commits wait for the standby.
        case synchronous = "failover"
        /// The last commits are lost with the primary.
        case asynchronous = "forgetful"
        /// And a pooler conceals that there is another server now: no address changes, and connections to it stay open.
        case hidden
    }

    init(_ workshop: Workshop, _ kind: Kind, rounds: Int, seed: UInt64) {
        name = kind.rawValue
        self.workshop = workshop
        self.kind = kind
        random = Seeded(seed)
        tally = Tally(full: rounds)
    }

    func lap() async throws {
        let settings = isSynchronous ? ["synchronous_standby_names = 'FIRST 1 (standby)'"] : []
        var primary = try await PostgresServer.make("\(name)-0", in: workshop, settings: settings)
        var standby = try await PostgresServer.makeStandby("\(name)-1", of: primary, in: workshop, port: workshop.freePort())
        let pooler =
            kind == .hidden ? try await PgBouncer.start(before: primary, in: workshop, folder: "\(workshop.folder)/\(name)-pgbouncer") : nil
        let servers = "127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)"
        let url =
            pooler?.url ?? "postgresql://postgres@\(servers)/postgres?target_session_attrs=read-write&sslmode=disable&gssencmode=disable"
        let stage = try await Stage(primary, url: url, folder: "\(workshop.folder)/\(name)-stage-\(tally.rounds)", lease: 3)
        for _ in 0..<2 { try stage.hire() }
        let (rounds, each) = (5, 100)
        var promoted: Int64 = 0
        var inFlight = 0
        for round in 0..<rounds {
            let ids = (0..<each).map { "w\(tally.rounds)-\($0)" }
            async let accepting: Void = stage.accept(ids)
            try await Task.sleep(for: .milliseconds(.random(in: 500...1_500, using: &random)))
            if !isSynchronous {
                // What is committed from now on never reaches the standby.
                try await standby.signalReceiver(SIGSTOP)
                try await Task.sleep(for: .milliseconds(.random(in: 50...400, using: &random)))
            }
            inFlight += try await stage.inFlight()
            try await primary.crash(workshop)
            if !isSynchronous {
                // It goes on only to end: what its socket still holds would be replayed, and nothing lost.
                try await standby.signalReceiver(SIGTERM)
                try await standby.signalReceiver(SIGCONT)
            }
            try await standby.promote(workshop)
            try pooler?.lead(to: standby)
            promoted = monotonic()
            tally.kills += 1
            tally.rounds += 1
            let old = primary
            primary = standby
            try? FileManager.default.removeItem(atPath: old.folder)
            standby = try await PostgresServer.makeStandby("\(name)-\(round + 2)", of: primary, in: workshop, port: old.port)
            try await accepting
        }
        tally.require(inFlight > 0, "nothing was in flight when a primary died: nothing is proved")
        try await settle(stage)
        tally.refused += primary.count(ofState: "PD001")
        try await judge(stage, promoted)
        await stage.close()
        await pooler?.stop()
        for server in [primary, standby] { await server.remove(workshop, after: tally) }
    }

    func end() async {}

    /// Of workflows that were forgotten nobody waits for the end.
    private func settle(_ stage: Stage) async throws {
        let known = try await stage.place.number("SELECT count(*) FROM perdure.workflows WHERE parent IS NULL")
        try await stage.finish(2 * known)
        // And children that were forgotten with their parents are none.
        try await eventually("all that is known has ended") { try await stage.place.number("SELECT count(*) FROM perdure.live") == 0 }
    }

    private func judge(_ stage: Stage, _ promoted: Int64) async throws {
        let (entries, records) = (try stage.diary.entries(), try await Records(stage.place))
        let what = "rounds up to \(tally.rounds)"
        if isSynchronous { return tally.add(Audit(entries, records), what) }
        let there = Set(records.steps.map { $0.id + " " + $0.key + " " + ($0.output ?? "") })
        forgotten += entries.filter { $0.kind == .done && !there.contains("\($0.workflow) \($0.key) \($0.value)") }.count
        tally.notes = ["\(forgotten) acknowledged steps were lost with a primary, and done again"]
        tally.add(Audit(entries, records, forgettingBefore: promoted + 2_000_000), what)
        if isComplete { tally.require(forgotten > 0, "no primary took anything with it: nothing is proved") }
    }
}
