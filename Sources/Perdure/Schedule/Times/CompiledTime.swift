/// A part of a compiled schedule; moments in microseconds.
enum CompiledTime: Sendable {
    /// The phase is not negative, and less than the interval.
    case interval(every: Microseconds, phase: Microseconds)
    case fields(ZonedFields)
    case once(Microseconds)

    func next(after moment: Microseconds) -> Microseconds? {
        switch self {
        case .interval(let every, let phase):
            let since = (moment - phase).dividedDown(by: every).remainder
            let (next, overflow) = (moment - since).addingReportingOverflow(every)
            return overflow ? nil : next
        case .fields(let fields):
            return fields.next(after: Int(moment.dividedDown(by: 1_000_000).quotient)).map { Microseconds($0) * 1_000_000 }
        case .once(let only):
            return only > moment ? only : nil
        }
    }

    /// As an exclusion: if it holds a moment, some later moment before which it holds all that `time` could; else nil.
    func coveredEnd(from moment: Microseconds, of time: CompiledTime) -> Microseconds? {
        switch self {
        case .interval: return nil
        case .once(let only): return only == moment ? moment + 1 : nil
        case .fields(let fields):
            let (second, rest) = moment.dividedDown(by: 1_000_000)
            guard rest == 0 else { return nil }
            return fields.coveredEnd(from: Int(second), candidates: time.sets).map { Microseconds($0) * 1_000_000 }
        }
    }

    /// The times of a day among which all of these are, for an offset from UTC in seconds.
    private func sets(offset: Int) -> ClockSets {
        switch self {
        case .fields(let fields): fields.fields.clock
        case .once: .every
        case .interval(let every, let phase):
            ClockSets(
                hours: Self.residues(every, phase, offset, day: 86_400, unit: 3600),
                minutes: Self.residues(every, phase, offset, day: 3600, unit: 60),
                seconds: Self.residues(every, phase, offset, day: 60, unit: 1))
        }
    }

    /// Which of the units of a cycle an interval can come upon: every 15 minutes only four of an hour's.
    private static func residues(_ every: Microseconds, _ phase: Microseconds, _ offset: Int, day cycle: Int, unit: Int) -> UInt64 {
        let whole = Microseconds(cycle) * 1_000_000
        let unit = Microseconds(unit) * 1_000_000
        var (step, rest) = (every, whole)
        while rest != 0 { (step, rest) = (rest, step % rest) }
        guard step > unit else { return BitField.all(0...Int(whole / unit - 1)) }
        let first = (phase % step + Microseconds(offset) * 1_000_000).dividedDown(by: step).remainder
        return stride(from: first, to: whole, by: Int(step)).reduce(0) { $0 | 1 << UInt64($1 / unit) }
    }
}
