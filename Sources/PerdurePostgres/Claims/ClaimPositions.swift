internal import Perdure

/// What a claimer knows between two claims.
struct ClaimPositions: Sendable {
    struct LaneState: Sendable {
        var cursor = TransactionCursor()
        /// Seen and not got, so somebody else's unless they let it go.
        var contested: Set<WorkflowNumber> = []
    }

    /// Raised by a reset: what was learnt before it is not kept.
    var epoch = 0
    /// For whom `known` was looked through.
    var asked: Repertoire?
    /// Lanes that were looked up; nil is one of others.
    ///
    /// They are never changed, so what was read once holds.
    var known: [Int64: ReadyLane?] = [:]
    /// How far what became ready has been followed.
    var scout = TransactionCursor()
    var hasMoreToScout = false
    var lanes: [Int64: LaneState] = [:]
    /// Lanes of which something was seen and not got, or not all was asked for: they are looked at again, whether or not anything is new.
    var leftovers: Set<Int64> = []
    var dueAfter: (due: Microseconds, number: WorkflowNumber) = (Int64.min, 0)
    var dueContested: Set<WorkflowNumber> = []
    var inbox = TransactionCursor()

    /// Everything is looked at again.
    mutating func reset() {
        var fresh = ClaimPositions()
        (fresh.epoch, fresh.asked, fresh.known) = (epoch + 1, asked, known)
        self = fresh
    }

    /// Those who ask are others now: what was passed by may be theirs.
    mutating func ask(_ repertoire: Repertoire) {
        if asked?.workflows == repertoire.workflows, asked?.versions == repertoire.versions, asked?.queues == repertoire.queues { return }
        (asked, known, scout) = (repertoire, [:], TransactionCursor())
    }
}

/// What one look at rows that are followed has found.
struct Look {
    var position: (transaction: UInt64, number: Int64)?
    var inProgress: [UInt64] = []
    var next: UInt64 = .max
}
