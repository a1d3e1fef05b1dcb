/// Local times of a zone as moments; here is the rule for clocks that are set.
///
/// Moments are seconds since 1970 in UTC.
struct ZonedFields: Sendable {
    let fields: ClockFields
    let zone: ZoneTable

    /// Nothing is looked for from here on: 2200-01-01.
    static let horizon = 7_258_118_400

    func next(after moment: Int) -> Int? {
        let found = fields.isEveryHour ? nextElapsed(after: moment) : nextOnce(after: moment)
        return found.flatMap { $0 < Self.horizon ? $0 : nil }
    }

    /// Each moment at which the clock shows a time that matches.
    private func nextElapsed(after moment: Int) -> Int? {
        var start = moment + 1
        while start < Self.horizon {
            let period = zone.period(at: start)
            guard let local = fields.first(from: start + period.offset) else { return nil }
            if local - period.offset < period.end { return local - period.offset }
            start = period.end
        }
        return nil
    }

    /// One moment for each local time that matches.
    private func nextOnce(after moment: Int) -> Int? {
        let period = zone.period(at: moment)
        // What the clock shows for a second time has had its turn.
        var local = max(moment + period.offset + 1, shownBefore(period))
        while let match = fields.first(from: local) {
            let found = zone.moment(ofLocal: match)
            if found > moment { return found }
            local = match + 1
        }
        return nil
    }

    /// Whether a moment is one of these.
    func contains(_ moment: Int) -> Bool {
        let period = zone.period(at: moment)
        let local = moment + period.offset
        if fields.isEveryHour { return fields.matches(local) }
        let shown = shownBefore(period)
        guard local >= shown else { return false }
        if moment == period.start, let skipped = fields.first(from: shown) { return skipped <= local }
        return fields.matches(local)
    }

    /// If a moment is one of these, some later moment before which all are that `candidates` could hold; else nil.
    func coveredEnd(from moment: Int, candidates: (_ offset: Int) -> ClockSets) -> Int? {
        guard contains(moment) else { return nil }
        let period = zone.period(at: moment)
        // What is moved to the moment at which the clock is set is no pattern that goes on.
        guard moment > period.start else { return moment + 1 }
        let end = fields.coveredEnd(
            from: moment + period.offset, candidates: candidates(period.offset), limit: period.end + period.offset)
        return min(end - period.offset, period.end)
    }

    /// What the clock would have shown at the start of a period if it had not been set.
    private func shownBefore(_ period: ZonePeriod) -> Int {
        period.start + zone.period(at: period.start - 1).offset
    }
}
