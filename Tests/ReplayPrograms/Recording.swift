internal import Perdure
package import PerdureMemory

/// One workflow as it went: its history, how it ended, what its code saw.
package struct Recording: Sendable {
    package var copy: WorkflowCopy
    package var trace: [String]

    package var id: String { copy.record.id ?? Names.publicID(copy.record.number) }

    /// Its own code has brought it to its end: it was not terminated, nor cancelled before it began.
    package var hasEndedItself: Bool {
        guard let outcome = copy.outcome, outcome.status != .terminated else { return false }
        return outcome.status != .cancelled || copy.steps.contains { $0.kind == .cancel }
    }

    package var completions: Int { copy.steps.count }

    package init(copy: WorkflowCopy, trace: [String]) {
        self.copy = copy
        self.trace = trace
    }

    /// To be run again over its whole history, by itself: nobody waits for it.
    var reopened: WorkflowCopy {
        var copy = copy
        copy.outcome = nil
        copy.inbox = []
        copy.record.parent = nil
        return copy
    }

    /// How `other`, which was to be the same, differs; nil if it does not.
    func difference(from other: Recording) -> String? {
        for (index, line) in trace.enumerated() where index >= other.trace.count || other.trace[index] != line {
            return "line \(index) of the trace was '\(line)' and is '\(index < other.trace.count ? other.trace[index] : "missing")'"
        }
        if other.trace.count > trace.count { return "the trace goes on with '\(other.trace[trace.count])'" }
        // A timer whose wait is cancelled may have fired before: such a row changes nothing.
        let added = other.copy.steps.dropFirst(copy.steps.count)
        if !other.copy.steps.starts(with: copy.steps) || added.contains(where: { $0.kind != .timer }) {
            return "the history had \(copy.steps.count) rows, and has others: \(firstChange(other))"
        }
        guard let outcome = copy.outcome, let second = other.copy.outcome else { return "the workflow has not ended" }
        if outcome.status != second.status || outcome.output != second.output || outcome.error != second.error {
            return "the outcome was \(shown(outcome)) and is \(shown(second))"
        }
        return nil
    }

    private func firstChange(_ other: Recording) -> String {
        let changed = zip(copy.steps, other.copy.steps).first { $0 != $1 }
        if let changed { return "'\(changed.0.key)' is now '\(changed.1.key)' or has another content" }
        return other.copy.steps.count > copy.steps.count ? "'\(other.copy.steps[copy.steps.count].key)' is new" : "some are gone"
    }

    private func shown(_ outcome: Outcome) -> String {
        let bytes = outcome.output?.bytes ?? outcome.error?.bytes ?? []
        return "\(outcome.status) \(String(decoding: bytes, as: UTF8.self))"
    }
}

extension Session {
    /// All workflows of the database.
    package func recordings(_ laboratory: Laboratory) -> [Recording] {
        database.numbers.compactMap { number in
            database.copy(of: number).map { copy in
                Recording(copy: copy, trace: laboratory.trace(of: copy.record.id ?? Names.publicID(number)))
            }
        }
    }
}
