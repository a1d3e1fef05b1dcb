import Foundation

/// What a scenario has counted so far: a line of the table.
struct Tally {
    var rounds = 0
    /// How many rounds make the whole.
    let full: Int
    var workflows = 0
    var kills = 0
    /// Writes that the fence has refused.
    var refused = 0
    var lost = 0
    /// Steps that ran again, results that changed, rows too many or too few.
    var doubled = 0
    var takeovers: [Duration] = []
    /// What must not have happened.
    var violations: [String] = []
    var notes: [String] = []

    init(full: Int) { self.full = full }

    mutating func add(_ audit: Audit, _ what: String) {
        workflows += audit.workflows
        lost += audit.count(.lost)
        doubled += audit.count(.rerun, .changed, .doubled, .mixed, .disordered)
        let shown = audit.findings.prefix(5).map { "\(what): \($0.fault): \($0.what)" }
        violations += shown
        if audit.findings.count > 5 { violations.append("\(what): … and \(audit.findings.count - 5) more") }
    }

    /// Something that must be so.
    ///
    /// What is said otherwise is made beforehand: it may be made of this very tally, which is being changed meanwhile.
    mutating func require(_ isSo: Bool, _ what: String) {
        if !isSo { violations.append(what) }
    }
}

/// The table in the end.
struct Report {
    private static let columns = ["scenario", "rounds", "workflows", "kills", "refused", "lost", "doubled", "takeover", ""]

    static func text(_ lines: [(name: String, tally: Tally)]) -> String {
        let rows = [columns] + lines.map { row($0.name, $0.tally) }
        let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let table = rows.map { row in
            zip(row, widths).enumerated().map { index, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return index == 0 ? cell.0 + space : space + cell.0
            }.joined(separator: "  ")
        }
        let notes = lines.flatMap { line in line.tally.notes.map { "  \(line.name): \($0)" } }
        let violations = lines.flatMap { line in line.tally.violations.map { "✗ \(line.name): \($0)" } }
        return (table + notes + violations).joined(separator: "\n")
    }

    private static func row(_ name: String, _ tally: Tally) -> [String] {
        let takeovers = tally.takeovers.sorted()
        let takeover = takeovers.last.map { "\(takeovers[takeovers.count / 2].shown), at most \($0.shown)" } ?? "–"
        return [
            name, tally.rounds < tally.full ? "\(tally.rounds) of \(tally.full)" : "\(tally.rounds)", "\(tally.workflows)",
            "\(tally.kills)",
            "\(tally.refused)", "\(tally.lost)", "\(tally.doubled)", takeover,
            tally.violations.isEmpty ? (tally.rounds > 0 ? "✓" : "–") : "✗",
        ]
    }
}
