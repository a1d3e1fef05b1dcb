internal import Foundation
internal import Perdure

extension Application {
    func replay(_ options: ReplayOptions) async -> Int32 {
        do {
            let replayer = try Replayer(declarations, configuration)
            var status: Int32 = 0
            for history in try await histories(options.target) {
                show(history)
                let report = await replayer.replay(history, timeLimit: options.timeLimit)
                show(report)
                status = max(status, report.verdict.status)
            }
            return status
        } catch {
            output.complain("\(error)")
            return 2
        }
    }

    /// Of a file, if there is one of this name; otherwise of the workflow of this id.
    private func histories(_ target: String) async throws -> [HistoryExport] {
        if FileManager.default.fileExists(atPath: target) { return try HistoryExport.read(target) }
        let client = try await client()
        do {
            let history = try await client.exportHistory(of: target)
            await client.close()
            return [history]
        } catch {
            await client.close()
            throw error
        }
    }

    private func show(_ history: HistoryExport) {
        let version = history.version.isEmpty ? "" : ", version '\(history.version)'"
        let state = history.isClosed ? "ended" : "open"
        var text = "workflow '\(history.id)' (\(history.workflow)\(version)), \(state), \(history.rows) rows\n\n"
        let width = history.calls.map(\.kind.count).max() ?? 0
        for (index, call) in history.calls.enumerated() {
            let place = String(index + 1)
            text += "  " + String(repeating: " ", count: max(0, 5 - place.count)) + place + "  " + call.kind
            text += String(repeating: " ", count: width - call.kind.count) + "  " + call.key + "\n"
        }
        output.write(text + "\n")
    }

    private func show(_ report: ReplayReport) {
        var text = report.verdict.name
        if let reason = report.verdict.reason { text += ": \(reason)" }
        if report.codeHasEnded {
            text += "\nthe code has ended"
        } else if !report.waitsFor.isEmpty {
            text += "\nthe code waits for " + report.waitsFor.map(\.description).joined(separator: ", ")
        }
        output.write(text + "\n\n")
    }
}

extension ReplayVerdict {
    fileprivate var status: Int32 {
        switch self {
        case .consistent: 0
        case .unknownType, .tookTooLong: 2
        default: 1
        }
    }
}
