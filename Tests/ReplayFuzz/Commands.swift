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
            default: return say(usage, status: 2)
            }
        } catch {
            return say("ReplayFuzz: \(error)", status: 2)
        }
    }

    private static let usage = """
        ReplayFuzz check --programs N --seed S [--crashes N] [--memory N] [--hops PROFILE] [--without RULE]
        """

    static func inputs(_ arguments: Arguments) -> [[ProgramInput]] {
        var random = Seeded(arguments.seed)
        let all = (0..<arguments.programs).map { _ in ProgramInput(seed: random.next(), size: 3 + random.below(28)) }
        return stride(from: 0, to: all.count, by: batch).map { Array(all[$0..<min(all.count, $0 + batch)]) }
    }

    private static func check(_ arguments: Arguments) async throws -> Int32 {
        var check = Check()
        check.settings.rules = arguments.rules
        check.settings.maximumInMemory = arguments.maximumInMemory
        check.hopProfile = arguments.hopProfile
        check.crashes = arguments.crashes
        var tally = Tally()
        let clock = ContinuousClock()
        let time = try await clock.measure {
            for batch in inputs(arguments) { tally.add(try await check.all(batch)) }
        }
        for divergence in tally.divergences.prefix(20) { say(divergence) }
        say(
            "\(arguments.programs) programs, \(tally.workflows) workflows, \(tally.completions) completions: \(tally.replayed) replayed, "
                + "\(tally.continued) continued after a cut, \(tally.divergences.count) divergences, \(time)")
        return tally.divergences.isEmpty ? 0 : 1
    }

    @discardableResult
    static func say(_ text: String, status: Int32 = 0) -> Int32 {
        try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
        return status
    }
}
