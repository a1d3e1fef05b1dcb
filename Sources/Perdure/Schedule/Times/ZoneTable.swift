/// A stretch of time in which a zone's clocks are not set: from `start`, before `end`, `offset` seconds ahead of UTC.
struct ZonePeriod: Sendable, Hashable {
    var start: Int
    var end: Int
    var offset: Int
}

/// When the clocks of a time zone are set, found out as far as it is asked for and kept.
///
/// Moments are seconds since 1970 in UTC. Foundation can be asked for the next change of daylight saving time, but it passes over changes
/// of the standard time; so the offset is looked up for each day, and the moment of a change is bisected.
final class ZoneTable: Sendable {
    private let offset: @Sendable (Int) -> Int
    private let spans = Lock<[Int: [ZonePeriod]]>([:])

    /// No zone is farther from UTC.
    private static let furthestOffset = 15 * 3600

    init(offset: @escaping @Sendable (Int) -> Int) {
        self.offset = offset
    }

    /// The period that holds a moment.
    ///
    /// Neighbours may have the same offset: time is searched in spans of 2²⁵ seconds, and a period ends with its span.
    func period(at moment: Int) -> ZonePeriod {
        let span = moment >> 25
        let known = spans.withLock { $0[span] }
        let periods: [ZonePeriod]
        if let known {
            periods = known
        } else {
            // Outside of the lock: two that do it at once find the same.
            let found = search(from: span << 25, to: (span + 1) << 25)
            spans.withLock { $0[span] = found }
            periods = found
        }
        var index = 0
        while moment >= periods[index].end { index += 1 }
        return periods[index]
    }

    /// The first moment at which the clocks show `local`; if they are set forward over it, the moment at which they are.
    func moment(ofLocal local: Int) -> Int {
        var period = period(at: local - Self.furthestOffset)
        while local >= period.end + period.offset { period = self.period(at: period.end) }
        return max(local - period.offset, period.start)
    }

    private func search(from start: Int, to end: Int) -> [ZonePeriod] {
        var periods: [ZonePeriod] = []
        var period = ZonePeriod(start: start, end: end, offset: offset(start))
        var reached = start
        while reached < end {
            let next = min(reached + 86_400, end)
            if offset(next) == period.offset {
                reached = next
                continue
            }
            let change = firstChange(after: reached, to: next, from: period.offset)
            // What changes at the end belongs to the next span.
            guard change < end else { break }
            period.end = change
            periods.append(period)
            period = ZonePeriod(start: change, end: end, offset: offset(change))
            reached = change
        }
        periods.append(period)
        return periods
    }

    private func firstChange(after known: Int, to changed: Int, from old: Int) -> Int {
        var (known, changed) = (known, changed)
        while changed - known > 1 {
            let middle = (known + changed) / 2
            if offset(middle) == old { known = middle } else { changed = middle }
        }
        return changed
    }
}
