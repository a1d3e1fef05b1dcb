import Perdure
import PerdureMemory
import ReplayPrograms
import Testing

/// Random programs: run, replayed, cut and continued.
///
/// `ReplayFuzz` runs many more, and across builds.
@Suite(.timeLimit(.minutes(2)))
struct ReplayProgramTests {
    private static func inputs(_ count: Int, seed: UInt64) -> [ProgramInput] {
        var random = Seeded(seed)
        return (0..<count).map { _ in ProgramInput(seed: random.next(), size: 3 + random.below(28)) }
    }

    @Test func programsTakeTheSamePathAgain() async throws {
        let tally = try await Check().all(Self.inputs(300, seed: 1))
        #expect(tally.divergences.isEmpty, "\(tally.divergences.prefix(5))")
        #expect(tally.completions > 1000)
    }

    /// As if another optimiser had compiled the code that replays.
    @Test func programsThatHopMoreOftenInReplay() async throws {
        var check = Check()
        check.hopProfile = 5
        let tally = try await check.all(Self.inputs(300, seed: 2))
        #expect(tally.divergences.isEmpty, "\(tally.divergences.prefix(5))")
    }

    @Test func programsWhoseEngineLosesItsLease() async throws {
        var check = Check()
        check.crashes = 5
        let tally = try await check.all(Self.inputs(200, seed: 3))
        #expect(tally.divergences.isEmpty, "\(tally.divergences.prefix(5))")
    }

    @Test func programsThatAreTakenOutOfMemory() async throws {
        var check = Check()
        check.settings.maximumInMemory = 30
        let tally = try await check.all(Self.inputs(150, seed: 4))
        #expect(tally.divergences.isEmpty, "\(tally.divergences.prefix(5))")
    }

    /// Each rule of the executor is needed: without it, programs part ways.
    @Test(arguments: FlowRules.named.map(\.name)) func withoutARule(name: String) async throws {
        var check = Check()
        check.settings.rules.remove(try #require(FlowRules.named(name)))
        check.settings.patience = .seconds(2)
        check.hopProfile = 1
        let tally = try await check.all(Self.inputs(150, seed: 5))
        #expect(!tally.divergences.isEmpty)
    }

    /// And a history that was recorded under all rules is not replayed without one.
    @Test(arguments: FlowRules.named.map(\.name)) func replayedWithoutARule(name: String) async throws {
        var check = Check()
        var tally = Tally()
        let recordings = try await check.record(Self.inputs(150, seed: 6), &tally)
        #expect(tally.divergences.isEmpty)
        check.settings.rules.remove(try #require(FlowRules.named(name)))
        check.settings.patience = .seconds(2)
        check.hopProfile = 1
        try await check.replay(recordings.filter(\.hasEndedItself), &tally)
        #expect(!tally.divergences.isEmpty)
    }

    /// What is written to a file is what was recorded.
    @Test func recordingsSurviveTheirFile() async throws {
        var tally = Tally()
        let recordings = try await Check().record(Self.inputs(40, seed: 7), &tally)
        let stored = recordings.compactMap(StoredRecording.init)
        #expect(!stored.isEmpty)
        try await Check().replay(stored.map(\.recording), &tally)
        #expect(tally.divergences.isEmpty, "\(tally.divergences.prefix(5))")
    }
}
