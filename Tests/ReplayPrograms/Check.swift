internal import Perdure
internal import PerdureMemory

/// What a check has counted.
package struct Tally: Sendable {
    /// Workflows, children included.
    package var workflows = 0
    package var completions = 0
    package var replayed = 0
    package var continued = 0
    package var divergences: [String] = []

    package init() {}

    package mutating func add(_ other: Tally) {
        workflows += other.workflows
        completions += other.completions
        replayed += other.replayed
        continued += other.continued
        divergences += other.divergences
    }
}

/// Runs programs, runs them again over their histories, and compares.
package struct Check: Sendable {
    package var settings = SessionSettings()
    package var hopProfile: UInt64 = 0
    /// How often engines lose their lease while the programs run for the first time; 0 is never.
    package var crashes = 0

    package init() {}

    /// First run.
    package func record(_ inputs: [ProgramInput], _ tally: inout Tally) async throws -> [Recording] {
        let database = MemoryDatabase()
        var settings = settings
        settings.losesLeases = crashes > 0
        // While leases are taken, an engine that does not know it yet may run what another has completed: at least once.
        let laboratory = crashes > 0 ? Laboratory() : .watching(database)
        return try await run(database, laboratory, "first run", settings, &tally) { session in
            if crashes == 0 { return try await session.start(inputs) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await session.start(inputs) }
                for _ in 0..<crashes {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 1...30)))
                    await session.crash()
                }
                try await group.waitForAll()
            }
        }
    }

    /// What the replayer says of them, and of what a crash at a random moment would have left of them.
    ///
    /// It keeps all rules of the executor: what was recorded without one proves nothing here.
    package func judge(_ recordings: [Recording], _ tally: inout Tally) async throws {
        guard settings.rules == .all else { return }
        let laboratory = Laboratory(hopProfile: hopProfile, hasJitter: false)
        let replayer = try Replayer { ProgramWorkflow(laboratory) }
        for recording in recordings {
            let cut = recording.cut([]).root
            for copy in [recording.copy, cut] {
                let history = RecordedHistory(record: copy.record, steps: copy.steps, outcome: copy.outcome)
                let report = await replayer.replay(history, timeLimit: .seconds(60))
                if !report.verdict.isConsistent { tally.divergences.append("judged: \(report)") }
            }
        }
        // A history that holds what the code does not ask for must not pass.
        for recording in recordings {
            guard let changed = recording.withARowRenamed else { continue }
            let history = RecordedHistory(record: changed.record, steps: changed.steps)
            let report = await replayer.replay(history, timeLimit: .seconds(60))
            if report.verdict.isConsistent { tally.divergences.append("judged: a renamed row was not missed: \(report)") }
        }
        if laboratory.bodies > 0 { tally.divergences.append("judged: \(laboratory.bodies) bodies ran in a replay") }
    }

    /// Runs all of them over their whole histories: parents apart from children, which they would terminate or cancel again.
    package func replay(_ recordings: [Recording], _ tally: inout Tally) async throws {
        let generations = Dictionary(grouping: recordings) { $0.copy.record.parent == nil }
        for generation in generations.values { try await replayTogether(generation, &tally) }
    }

    private func replayTogether(_ recordings: [Recording], _ tally: inout Tally) async throws {
        let database = MemoryDatabase()
        for recording in recordings { database.insert(recording.reopened) }
        let laboratory = Laboratory(hopProfile: hopProfile, hasJitter: false)
        let again = try await run(database, laboratory, "replay", settings, &tally)
        if laboratory.bodies > 0 {
            tally.divergences.append("replay: \(laboratory.bodies) bodies ran, though every step is in the history")
        }
        compare(recordings, again, "replay", &tally)
        tally.replayed += recordings.count
    }

    /// Cuts each history at a random place, as a crash does, lets the workflows go on from there, and then replays what came of it.
    package func continueFromCuts(_ recordings: [Recording], _ tally: inout Tally) async throws {
        let database = MemoryDatabase()
        let children = Dictionary(grouping: recordings.filter { $0.copy.record.parent != nil }) { $0.copy.record.parent?.number ?? 0 }
        var cuts: [WorkflowNumber: [StepRecord]] = [:]
        for recording in recordings where recording.copy.record.parent == nil {
            let cut = recording.cut(children[recording.copy.record.number] ?? [])
            cuts[cut.root.record.number] = cut.root.steps
            for copy in [cut.root] + cut.children { database.insert(copy) }
        }
        let laboratory = Laboratory.watching(database)
        let numbers = cuts.keys.filter { $0 % 5 == 0 }
        let continued = try await run(database, laboratory, "continued", settings, &tally) { session in
            try await session.cancel(numbers)
        }.filter { cuts[$0.copy.record.number] != nil }
        for recording in continued {
            let kept = cuts[recording.copy.record.number] ?? []
            guard recording.copy.steps.starts(with: kept) else {
                tally.divergences.append("continued: \(recording.id): a recorded row has changed")
                continue
            }
        }
        tally.continued += continued.count
        try await replay(continued, &tally)
    }

    private func run(
        _ database: MemoryDatabase, _ laboratory: Laboratory, _ mode: String, _ settings: SessionSettings, _ tally: inout Tally,
        _ body: (Session) async throws -> Void = { _ in }
    ) async throws -> [Recording] {
        var divergences: [String] = []
        var recordings: [Recording] = []
        try await Session.run(database, laboratory, settings) { session in
            try await body(session)
            if try await !session.settle(settings.patience) { divergences.append(contentsOf: unfinished(database, laboratory)) }
            recordings = session.recordings(laboratory)
        }
        divergences += database.asides.map { "\(Names.publicID($0)) was set aside: \($1)" }
        tally.divergences += (divergences + laboratory.violations).map { "\(mode): \($0)" }
        return recordings
    }

    private func unfinished(_ database: MemoryDatabase, _ laboratory: Laboratory) -> [String] {
        database.numbers.compactMap { number in
            guard let copy = database.copy(of: number), copy.outcome == nil, database.asides[number] == nil else { return nil }
            let last = laboratory.trace(of: copy.record.id ?? Names.publicID(number)).last ?? "nothing"
            let input = String(decoding: copy.record.input.bytes, as: UTF8.self)
            return "\(Names.publicID(number)) \(input) does not end; the last that it saw: \(last); rows: \(copy.steps.map(\.key))"
        }
    }

    private func compare(_ recordings: [Recording], _ again: [Recording], _ mode: String, _ tally: inout Tally) {
        let again = Dictionary(again.map { ($0.copy.record.number, $0) }) { first, _ in first }
        for recording in recordings {
            guard let second = again[recording.copy.record.number] else { continue }
            guard let difference = recording.difference(from: second) else { continue }
            let input = String(decoding: recording.copy.record.input.bytes, as: UTF8.self)
            tally.divergences.append("\(mode): \(recording.id) \(input): \(difference)")
        }
    }

    /// First run, replay, cut, continuation, and the replay of that.
    package func all(_ inputs: [ProgramInput]) async throws -> Tally {
        var tally = Tally()
        let recordings = try await record(inputs, &tally)
        tally.workflows = recordings.count
        tally.completions = recordings.reduce(0) { $0 + $1.copy.steps.count }
        // What was not finished has been reported already.
        let finished = recordings.filter { $0.copy.outcome != nil }
        try await replay(finished.filter(\.hasEndedItself), &tally)
        try await judge(finished.filter(\.hasEndedItself), &tally)
        try await continueFromCuts(finished, &tally)
        return tally
    }
}

extension Laboratory {
    /// Notices when the body of a step runs that the database holds already.
    static func watching(_ database: MemoryDatabase) -> Laboratory {
        Laboratory { key in
            let parts = key.split(separator: "/", maxSplits: 2)
            guard parts.count == 3, let number = Names.number(fromPublicID: String(parts[1])) else { return false }
            return database.isRecorded(String(parts[2]), of: number)
        }
    }
}
