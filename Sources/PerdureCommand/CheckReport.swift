internal import Foundation
internal import Perdure

/// What a check says, as text or as lines of JSON.
struct CheckReport {
    let output: Output
    let isJSON: Bool
    /// Where the histories come from.
    let place: String
    /// They are open, as far as is known.
    let areOpen: Bool

    func found(_ report: ReplayReport) {
        if isJSON { return writeLine(Finding(report)) }
        var text = "\(report.id) (\(report.workflow)): \(report.verdict.name)"
        if case .diverged(let divergence) = report.verdict {
            text += divergence.place.map { " at place \($0)" } ?? ""
            text += "\n  history: \(divergence.recorded)\n  code:    \(Self.code(report))\n  \(divergence.reason)"
        } else if let reason = report.verdict.reason {
            text += "\n  \(reason)"
        }
        output.write(text + "\n\n")
    }

    private static func code(_ report: ReplayReport) -> String {
        if report.codeHasEnded { return "has ended" }
        return report.waitsFor.isEmpty ? "waits for nothing" : report.waitsFor.map(\.description).joined(separator: ", ")
    }

    func summary(_ summary: CheckSummary, isStrict: Bool) {
        if isJSON { return writeLine(["summary": summary]) }
        let what = areOpen ? "open workflow" : "workflow"
        var text = "\(summary.checked) \(what)\(summary.checked == 1 ? "" : "s") of \(place) replayed by this build\n\n"
        let old = summary.setAside > 0 ? [("set aside before", summary.setAside)] : []
        text += table([("checked", summary.checked)] + summary.verdicts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } + old)
        if !summary.places.isEmpty {
            text += "Diverged, by type and step:\n\n"
            text += table(summary.sortedPlaces.map { ("\($0.workflow)  \($0.step)", $1) })
        }
        if !summary.unknownTypes.isEmpty {
            text += "Of types that this build does not have, and leaves to others:\n\n"
            text += table(summary.unknownTypes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        }
        if !summary.otherVersions.isEmpty {
            text += "Not checked, for this build does not run their version (--all-versions checks them):\n\n"
            text += table(summary.otherVersions.sorted { $0.key < $1.key }.map { ("version '\($0.key)'", $0.value) })
        }
        output.write(text + conclusion(summary, isStrict) + "\n")
    }

    private func conclusion(_ summary: CheckSummary, _ isStrict: Bool) -> String {
        if summary.refused > 0 { return "This build would not go on with \(summary.refused) of them, and would set them aside." }
        if summary.isCutOff { return "Given up: too many replays did not end. This build loops, or blocks its threads." }
        if summary.stuck > 0 { return "Of \(summary.stuck) it is not known: their replay did not end." }
        if summary.unknown > 0, isStrict { return "Some are of types that this build does not have." }
        if summary.unknown > 0 { return "This build goes on with all others." }
        return summary.checked == 0 ? "There is nothing to go on with." : "This build goes on with all of them."
    }

    private func table(_ rows: [(String, Int)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        let digits = rows.map { String($0.1).count }.max() ?? 0
        return rows.map { name, count in
            let number = String(count)
            return "  \(name)\(spaces(width - name.count))  \(spaces(digits - number.count))\(number)\n"
        }.joined() + "\n"
    }

    private func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

    private func writeLine<Value: Encodable>(_ value: Value) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return }
        output.write(String(decoding: data, as: UTF8.self) + "\n")
    }
}

/// A line of JSON about one that would not go on.
private struct Finding: Encodable {
    var id: String
    var workflow: String
    var version: String
    var verdict: String
    var reason: String?
    var divergence: ReplayDivergence?

    init(_ report: ReplayReport) {
        id = report.id
        workflow = report.workflow
        version = report.version
        verdict = report.verdict.name
        reason = report.verdict.reason
        if case .diverged(let divergence) = report.verdict { self.divergence = divergence }
    }
}
