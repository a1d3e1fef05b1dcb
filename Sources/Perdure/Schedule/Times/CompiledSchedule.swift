package import FoundationEssentials

/// A specification that has been checked and can be asked for its moments, quickly and from any thread.
package struct CompiledSchedule: Sendable {
    let times: [CompiledTime]
    let exclusions: [CompiledTime]
    /// The bounds, both inclusive.
    let first: Microseconds
    let last: Microseconds
    let jitter: Microseconds

    /// Where moments are looked for.
    static let searched: Range<Microseconds> = 0..<Microseconds(ZonedFields.horizon) * 1_000_000

    /// So many moments in a row may be left out; then there is none.
    ///
    /// What one exclusion covers is passed over at once. Only where several share the work, second by second, would this be reached.
    private static let patience = 200_000

    /// The first nominal moment after that one; nil if there is none, or not before 2200.
    package func next(after moment: Date) -> Date? {
        moment.microseconds.flatMap { next(after: $0) }.map { Date(microseconds: $0) }
    }

    /// The nominal moments after one and not after another, in order, and at most `limit` of them.
    package func times(after moment: Date, through end: Date, limit: Int) -> [Date] {
        guard var reached = moment.microseconds, let end = end.microseconds else { return [] }
        var found: [Date] = []
        while found.count < limit, let next = next(after: reached), next <= end {
            found.append(Date(microseconds: next))
            reached = next
        }
        return found
    }

    func next(after moment: Microseconds) -> Microseconds? {
        let start = max(moment, first == .min ? .min : first - 1)
        guard start < last, let next = unbounded(after: start), next <= last else { return nil }
        return next
    }

    /// Whether there is any moment, bounds aside.
    var hasTimes: Bool { unbounded(after: .min) != nil }

    private func unbounded(after moment: Microseconds) -> Microseconds? {
        let moment = max(moment, Self.searched.lowerBound - 1)
        guard moment < Self.searched.upperBound else { return nil }
        var earliest: Microseconds?
        for time in times {
            guard let next = next(of: time, after: moment), next < earliest ?? .max else { continue }
            earliest = next
        }
        return earliest
    }

    private func next(of time: CompiledTime, after moment: Microseconds) -> Microseconds? {
        var moment = moment
        for _ in 0..<Self.patience {
            guard let next = time.next(after: moment), next < Self.searched.upperBound else { return nil }
            var covered: Microseconds?
            for exclusion in exclusions {
                guard let end = exclusion.coveredEnd(from: next, of: time) else { continue }
                covered = max(covered ?? end, end)
            }
            guard let covered else { return next }
            moment = covered - 1
        }
        return nil
    }
}
