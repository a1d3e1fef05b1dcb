internal import Foundation
internal import Perdure
internal import PerdureCommand

/// What `bulk` is to do.
struct BulkOptions: Equatable {
    static let names: Set = [
        "--schema",
        "--because", "--by", "--rate", "--id", "--dry-run", "--detach", "--step", "--version", "--value", "--message",
    ]

    var action: BulkAction
    var filter: WorkflowFilter
    var reason: String
    var by: String
    var rate: Double
    var id: String?
    var isDryRun: Bool
    var isDetached: Bool

    init(_ rest: [String], _ words: ArgumentWords) throws(Request.UsageError) {
        guard let name = rest.first else { throw Request.UsageError(message: "bulk needs an action: cancel, say") }
        action = try Self.action(name, words)
        guard rest.count == 2 else {
            throw Request.UsageError(message: "bulk needs a filter, which says to which workflows it is done: for every one it is 'all'")
        }
        filter = try WorkflowFilter(orAll: rest[1])
        isDryRun = words.flags.contains("--dry-run")
        guard let reason = words.values["--because"] ?? (isDryRun ? "" : nil) else {
            throw Request.UsageError(message: "bulk needs --because, which is recorded with each workflow")
        }
        self.reason = reason
        by = words.values["--by"] ?? ProcessInfo.processInfo.environment["USER"] ?? "perdure"
        rate = try words.rate("--rate") ?? 100
        id = words.values["--id"]
        isDetached = words.flags.contains("--detach")
    }

    private static func action(_ name: String, _ words: ArgumentWords) throws(Request.UsageError) -> BulkAction {
        let plain: [String: BulkAction] = [
            "cancel": .cancel, "terminate": .terminate, "pause": .pause, "resume": .resume, "retry-now": .retryNow, "rewind": .rewind,
            "restart": .restart,
        ]
        if let action = plain[name] {
            try only([], name, words)
            return action
        }
        let more: [String: Set<String>] = [
            "fork": ["--version"], "skip": [], "complete": ["--value"], "fail": ["--message"],
        ]
        guard let own = more[name] else { throw Request.UsageError(message: "bulk has no action '\(name)'") }
        try only(own.union(["--step"]), name, words)
        guard let step = words.values["--step"] else { throw Request.UsageError(message: "\(name) needs the key of a step: --step KEY") }
        switch name {
        case "fork": return .fork(from: step, version: words.values["--version"])
        case "skip": return .skip(step: step)
        case "complete":
            guard let value = words.values["--value"] else { return .complete(step: step) }
            guard (try? JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)) != nil else {
                throw Request.UsageError(message: "--value needs JSON, and '\(value)' is none: text stands in double quotes")
            }
            return .complete(step: step, json: value)
        default:
            guard let message = words.values["--message"] else {
                throw Request.UsageError(message: "fail needs the text of the error: --message TEXT")
            }
            return .fail(step: step, with: RecordedError(type: "Error", message: message))
        }
    }

    private static func only(_ options: Set<String>, _ name: String, _ words: ArgumentWords) throws(Request.UsageError) {
        let special: Set = ["--step", "--version", "--value", "--message"]
        if let other = special.intersection(words.values.keys).subtracting(options).sorted().first {
            throw Request.UsageError(message: "\(name) has no option \(other)")
        }
    }
}

/// Starts bulk work and shows how far it is; false if some workflows have failed, or it was stopped.
func bulk(_ address: StoreAddress, _ options: BulkOptions) async throws -> Bool {
    try await withClient(address, readsOnly: options.isDryRun) { client in
        if options.isDryRun {
            let preview = try await client.previewBulk(options.action, where: options.filter)
            write("\(preview.matched) match for '\(options.action)'\n")
            for workflow in preview.sample { write("  \(workflow.id)  \(workflow.name)  \(workflow.state.rawValue)\n") }
            if preview.matched > preview.sample.count { write("  …\n") }
            return true
        }
        let handle = try await client.bulk(
            options.action, where: options.filter, id: options.id, rate: options.rate, by: options.by, reason: options.reason)
        write("bulk work '\(handle.id)': \(options.action)\n")
        return options.isDetached ? true : try await follow(handle)
    }
}

/// Until its end.
private func follow(_ handle: BulkHandle) async throws -> Bool {
    var shown: BulkProgress?
    var isWarned = false
    while true {
        let status = try await handle.status()
        if status.progress.expected != nil, status.progress != shown { write(status.progress.line) }
        shown = status.progress
        if status.state.isClosed || status.state == .setAside { break }
        if status.isServed == false, !isWarned {
            write("perdure: no engine is alive; the work begins when one starts\n", to: .standardError)
            isWarned = true
        }
        try await Task.sleep(for: .milliseconds(250))
    }
    let progress = try await handle.result()
    for failure in progress.failures { write("  \(failure.run): \(failure.message)\n") }
    if progress.isStopped { write("it was stopped before its end\n") }
    return progress.failed == 0 && !progress.isStopped
}

extension BulkProgress {
    fileprivate var line: String {
        "\(matched) of \(expected.map { "\($0)" } ?? "?"): \(done) done, \(skipped) skipped, \(failed) failed\n"
    }
}
