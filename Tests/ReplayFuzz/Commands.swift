internal import Foundation
internal import Perdure
internal import ReplayPrograms

/// The commands; each returns the status of the process.
enum Commands {
    /// So many programs share an engine at a time.
    private static let batch = 400

    static func run(_ arguments: Arguments) async -> Int32 {
        if let fault = arguments.fault { return say("ReplayFuzz: \(fault)", status: 2) }
        do {
            switch (arguments.command, arguments.file) {
            case ("check", nil): return try await check(arguments)
            case ("record", let file?): return try await record(arguments, file)
            case ("replay", let file?): return try await replay(arguments, file)
            case ("mutants", nil): return try await mutants(arguments)
            default: return say(usage, status: 2)
            }
        } catch {
            return say("ReplayFuzz: \(error)", status: 2)
        }
    }

    private static let usage = """
        ReplayFuzz check --programs N --seed S [--crashes N] [--memory N] [--hops PROFILE] [--without RULE]
            runs random workflows, replays them, cuts their histories, goes on from there, and replays that
        ReplayFuzz record --programs N --seed S [--without RULE] FILE
            writes histories and what came of them, for another build to replay
        ReplayFuzz replay [--hops PROFILE] [--without RULE] FILE
            replays them in this build; fails if anything differs
        ReplayFuzz mutants [--programs N] [--seed S]
            switches off each rule of the executor in turn; fails if `check` does not notice
        RULE is firstInFirstOut, hopsGoFirst or completionsWait. A PROFILE other than 0 lets helper functions hop more often in replays
        than they did when recorded, as another optimiser might. --crashes takes the engine's lease so often in each batch of programs.
        """

    static func inputs(_ arguments: Arguments) -> [[ProgramInput]] {
        var random = Seeded(arguments.seed)
        let all = (0..<arguments.programs).map { _ in ProgramInput(seed: random.next(), size: 3 + random.below(28)) }
        return stride(from: 0, to: all.count, by: batch).map { Array(all[$0..<min(all.count, $0 + batch)]) }
    }

    private static func configured(_ arguments: Arguments) -> Check {
        var check = Check()
        check.settings.rules = arguments.rules
        check.settings.maximumInMemory = arguments.maximumInMemory
        check.hopProfile = arguments.hopProfile
        check.crashes = arguments.crashes
        return check
    }

    private static func check(_ arguments: Arguments) async throws -> Int32 {
        let check = configured(arguments)
        var tally = Tally()
        let time = try await ContinuousClock().measure {
            for batch in inputs(arguments) { tally.add(try await check.all(batch)) }
        }
        for divergence in tally.divergences { say(divergence) }
        say(
            "\(arguments.programs) programs, \(tally.workflows) workflows, \(tally.completions) completions: \(tally.replayed) replayed, "
                + "\(tally.continued) continued after a cut, \(tally.divergences.count) divergences, \(time)")
        return tally.divergences.isEmpty ? 0 : 1
    }

    private static func record(_ arguments: Arguments, _ file: String) async throws -> Int32 {
        let check = configured(arguments)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var tally = Tally()
        var lines = Data()
        var count = 0
        for batch in inputs(arguments) {
            for recording in try await check.record(batch, &tally).compactMap(StoredRecording.init) {
                lines += try encoder.encode(recording) + Data("\n".utf8)
                count += 1
            }
        }
        try lines.write(to: URL(filePath: file))
        for divergence in tally.divergences { say(divergence) }
        say("\(arguments.programs) programs, \(count) histories written to \(file)")
        return tally.divergences.isEmpty ? 0 : 1
    }

    private static func replay(_ arguments: Arguments, _ file: String) async throws -> Int32 {
        let lines = try Data(contentsOf: URL(filePath: file)).split(separator: UInt8(ascii: "\n"))
        let recordings = try lines.map { try JSONDecoder().decode(StoredRecording.self, from: $0).recording }
        let check = configured(arguments)
        var tally = Tally()
        for start in stride(from: 0, to: recordings.count, by: batch) {
            let batch = Array(recordings[start..<min(recordings.count, start + batch)])
            try await check.replay(batch, &tally)
            try await check.judge(batch, &tally)
        }
        for divergence in tally.divergences { say(divergence) }
        let completions = recordings.reduce(0) { $0 + $1.completions }
        say("\(tally.replayed) histories, \(completions) completions replayed, \(tally.divergences.count) divergences")
        return tally.divergences.isEmpty ? 0 : 1
    }

    /// Each rule must be missed.
    private static func mutants(_ arguments: Arguments) async throws -> Int32 {
        var survivors = 0
        for (name, rule) in FlowRules.named {
            var check = configured(arguments)
            check.settings.rules.remove(rule)
            check.settings.patience = .seconds(3)
            check.hopProfile = max(1, arguments.hopProfile)
            var tally = Tally()
            for batch in inputs(arguments) where tally.divergences.isEmpty { tally.add(try await check.all(batch)) }
            survivors += tally.divergences.isEmpty ? 1 : 0
            say("without \(name): " + (tally.divergences.first.map { "found, \(tally.divergences.count) times: \($0)" } ?? "NOT FOUND"))
        }
        return survivors == 0 ? 0 : 1
    }

    @discardableResult
    static func say(_ text: String, status: Int32 = 0) -> Int32 {
        try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
        return status
    }
}
