internal import Perdure

/// What a claimer knows between two claims.
struct ClaimPositions: Sendable {
    struct LaneState: Sendable {
        var cursor = TransactionCursor()
        /// Seen and not got, so somebody else's unless they let it go.
        var contested: Set<WorkflowNumber> = []

        /// What lies behind the position is to be looked at in any case.
        var hasLeftovers: Bool { !cursor.late.isEmpty || !contested.isEmpty }
    }

    struct KnownLane: Sendable {
        var lane: Int64
        var priority: Int16
        var returned: Bool
    }

    /// Raised by a reset: what was learnt before it is not kept.
    var epoch = 0
    /// The names and versions for which `known` was read.
    var asked: Repertoire?
    /// In the order in which they are claimed: what was returned, then by priority.
    var known: [KnownLane] = []
    var highestLane: Int64 = 0
    var lanes: [Int64: LaneState] = [:]
    var dueAfter: (due: Microseconds, number: WorkflowNumber) = (Int64.min, 0)
    var dueContested: Set<WorkflowNumber> = []
    var inbox = TransactionCursor()

    /// Everything is looked at again; lanes are never changed, so those that are known need not be read anew.
    mutating func reset() {
        var fresh = ClaimPositions()
        (fresh.epoch, fresh.asked, fresh.known) = (epoch + 1, asked, known)
        self = fresh
    }

    /// Adds lanes that appeared.
    ///
    /// What was returned comes first; then the lower number of priority, as a rank.
    mutating func learn(_ more: [KnownLane]) {
        let before = Set(known.map(\.lane))
        known += more.filter { !before.contains($0.lane) }
        known.sort { left, right in
            (left.returned ? 0 : 1, left.priority, left.lane) < (right.returned ? 0 : 1, right.priority, right.lane)
        }
    }
}
