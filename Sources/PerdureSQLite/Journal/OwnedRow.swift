internal import Perdure

/// A row of `live` that an executor owns, and what becomes of it when the executor has it no more.
struct OwnedRow {
    let number: WorkflowNumber
    let lane: Int64
    let crashes: Int
    let probation: Microseconds?
    let due: Microseconds?

    /// Of a row with these columns, in this order.
    init(_ row: Statement) {
        number = row.int(0)
        lane = row.int(1)
        // Whatever a person may have written there.
        crashes = Int(max(0, min(row.int(2), 32_000)))
        probation = row.optionalInt(3)
        due = row.optionalInt(4)
    }

    /// False: it was claimed only to end.
    var hasBegun: Bool { probation != -1 }

    struct Fate {
        var state: LiveState
        var crashes: Int
        var due: Microseconds?

        /// Its executor has handed it back.
        static func ready(_ row: OwnedRow, at now: Microseconds) -> Fate {
            row.crashes < CrashRules.suspicion
                ? Fate(state: .ready, crashes: row.crashes, due: row.due)
                : Fate(state: .suspect, crashes: row.crashes, due: row.due ?? now)
        }

        /// Its executor has died, and was `heard` last while suspects were on probation, if any were.
        static func crashed(_ row: OwnedRow, heard: Microseconds?, _ rules: CrashRules, now: Microseconds) -> Fate {
            if !row.hasBegun { return ready(row, at: now) }
            let isBlamed = heard.map { heard in row.crashes < CrashRules.suspicion || row.probation.map { $0 >= heard } ?? false } ?? true
            let crashes = row.crashes + (isBlamed ? 1 : 0)
            if isBlamed, crashes >= rules.limit { return Fate(state: .setAside, crashes: crashes, due: row.due) }
            if crashes < CrashRules.suspicion { return Fate(state: .ready, crashes: crashes, due: row.due) }
            return Fate(
                state: .suspect, crashes: crashes, due: max(row.due ?? .min, rules.due(row.number, after: crashes, now: now)))
        }
    }
}
