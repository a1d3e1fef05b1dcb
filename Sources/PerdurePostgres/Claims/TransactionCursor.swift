/// How far a sequence of rows has been followed that are ordered by the transaction that wrote them.
///
/// Transactions commit in another order than they begin. So besides the position there are those that were still in progress when the
/// position passed them: `late`. What they wrote is looked for until they have ended.
struct TransactionCursor: Sendable, Equatable {
    /// The transaction and the number of the last row that was passed.
    private(set) var transaction: UInt64 = 0
    private(set) var number: Int64 = 0
    private(set) var late: Set<UInt64> = []

    /// After a look whose snapshot showed `inProgress` as unfinished and `next` as the next transaction to begin, and whose last row in
    /// order, if it found any, was `last`.
    ///
    /// With `keepLate`, not all rows of the late ones were seen.
    mutating func advance(to last: (transaction: UInt64, number: Int64)?, inProgress: [UInt64], next: UInt64, keepLate: Bool = false) {
        if let last { (transaction, number) = last }
        // A dump that was restored elsewhere may hold transactions that this server has not come to: those are not passed.
        if transaction >= next { (transaction, number) = (next, -1) }
        let position = transaction
        let passed = inProgress.filter { $0 <= position }
        late = keepLate ? late.union(passed) : Set(passed).union(late.intersection(inProgress))
    }
}
