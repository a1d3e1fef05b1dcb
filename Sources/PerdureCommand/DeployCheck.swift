internal import Perdure

/// Replays many histories, a handful at a time, and counts.
struct DeployCheck {
    private static let width = 4
    /// Threads of replays that do not end are lost to the process; after so many there is nothing more to be found out.
    private static let patience = 16

    let replayer: Replayer
    let timeLimit: Duration?
    /// Whether this build is to run workflows of a version.
    let serves: (String) -> Bool

    /// - Parameter found: Told of each that would not go on, as it is found.
    func run(
        _ source: inout HistorySource, limit: Int?, export: HistoryFile?, found: (ReplayReport) -> Void
    ) async throws -> CheckSummary {
        var summary = CheckSummary()
        var batch: [HistoryExport] = []
        while summary.checked + batch.count < limit ?? .max, summary.stuck < Self.patience, let history = try await source.next() {
            // The library's own workflows go on with any build.
            if history.workflow.hasPrefix(Names.reserved) { continue }
            guard serves(history.version) else {
                summary.skip(history.version)
                continue
            }
            try export?.append(history)
            batch.append(history)
            guard batch.count == Self.width else { continue }
            await replay(&batch, &summary, found)
        }
        await replay(&batch, &summary, found)
        summary.isCutOff = summary.stuck >= Self.patience
        return summary
    }

    private func replay(_ batch: inout [HistoryExport], _ summary: inout CheckSummary, _ found: (ReplayReport) -> Void) async {
        let reports = await withTaskGroup(of: (Int, ReplayReport).self) { [replayer, timeLimit, batch] group in
            for (index, history) in batch.enumerated() {
                group.addTask { (index, await replayer.replay(history, timeLimit: timeLimit)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
        batch = []
        for report in reports {
            summary.add(report)
            if !report.verdict.isConsistent, report.verdict != .unknownType, !report.isOldTrouble { found(report) }
        }
    }
}
