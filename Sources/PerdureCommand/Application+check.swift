internal import Perdure

extension Application {
    func check(_ options: CheckOptions) async -> Int32 {
        do {
            let replayer = try Replayer(declarations, configuration)
            if let workflow = options.workflow, !replayer.knows(workflow) {
                output.complain("this build has no workflow '\(workflow)'")
                return 2
            }
            guard let file = options.source else {
                let client = try await client()
                do {
                    let status = try await check(options, replayer, .database(HistoryPages(client, options.selection)), store.description)
                    await client.close()
                    return status
                } catch {
                    await client.close()
                    throw error
                }
            }
            return try await check(options, replayer, .file(HistoryFile(reading: file), options.selection), file)
        } catch {
            output.complain("nothing could be checked: \(error)")
            return 2
        }
    }

    private func check(_ options: CheckOptions, _ replayer: Replayer, _ source: HistorySource, _ place: String) async throws -> Int32 {
        var source = source
        let served = configuration.servedVersions
        let check = DeployCheck(replayer: replayer, timeLimit: options.timeLimit) { options.allVersions || served.contains($0) }
        let report = CheckReport(output: output, isJSON: options.isJSON, place: place, areOpen: options.source == nil)
        let export = try options.export.map { path throws(StoreError) in try HistoryFile(writing: path) }
        let summary = try await check.run(&source, limit: options.limit, export: export) { report.found($0) }
        report.summary(summary, isStrict: options.isStrict)
        return summary.status(isStrict: options.isStrict)
    }
}

extension CheckOptions {
    /// The limit is for what is checked, and not for what is read.
    fileprivate var selection: HistorySelection { HistorySelection(workflow: workflow, since: since, filter: filter) }
}

extension HistorySelection {
    /// In a file there are also those that have ended.
    func matches(_ history: HistoryExport) -> Bool {
        (workflow.map { history.workflow == $0 } ?? true) && (since.map { history.createdAt >= $0 } ?? true)
    }
}
