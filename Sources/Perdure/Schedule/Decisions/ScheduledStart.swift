/// One start that a schedule has decided on, or that waits for its turn.
package struct ScheduledStart: Sendable, Hashable {
    /// Why it is to start; the raw values are stored.
    package enum Kind: String, Sendable {
        /// Its time has come.
        case time = "s"
        /// Somebody asked for times that have passed.
        case backfill = "b"
        /// Somebody asked for one now.
        case trigger = "t"
    }

    package var nominal: Microseconds
    package var kind: Kind
    /// nil: as the schedule says.
    package var overlap: ScheduleOverlapPolicy?

    package init(nominal: Microseconds, kind: Kind = .time, overlap: ScheduleOverlapPolicy? = nil) {
        (self.nominal, self.kind, self.overlap) = (nominal, kind, overlap)
    }
}

/// Times that are to be started although they have passed.
package struct ScheduleBackfill: Sendable, Hashable {
    /// What is done is before it: the next is after.
    package var after: Microseconds
    package var through: Microseconds
    package var overlap: ScheduleOverlapPolicy?

    package init(after: Microseconds, through: Microseconds, overlap: ScheduleOverlapPolicy? = nil) {
        (self.after, self.through, self.overlap) = (after, through, overlap)
    }
}

/// A run that a schedule has started and that has not ended, as far as it knows.
package struct ScheduledRun: Sendable, Hashable {
    package var number: WorkflowNumber
    /// What it was asked already.
    package var asked: InboxKind?
    /// It was started beside whatever runs (`allowAll`): it is in nobody's way, and nobody makes it give way.
    package var isBeside: Bool

    package init(number: WorkflowNumber, asked: InboxKind? = nil, isBeside: Bool = false) {
        (self.number, self.asked, self.isBeside) = (number, asked, isBeside)
    }
}

/// Lists as they are stored: words with colons, between spaces; what cannot be read is not there.
///
/// SQL can count them, and add to them.
package protocol StoredWord: Sendable {
    init?(word: [Substring])
    var word: String { get }
}

extension Array where Element: StoredWord {
    package init(words: String) {
        self = words.split(separator: " ").compactMap { Element(word: $0.split(separator: ":", omittingEmptySubsequences: false)) }
    }

    package var words: String { map(\.word).joined(separator: " ") }
}

/// `1769904000000000:s:buffer_all`
/// .
extension ScheduledStart: StoredWord {
    package init?(word: [Substring]) {
        guard word.count == 3, let nominal = Microseconds(word[0]), let kind = Kind(rawValue: String(word[1])) else { return nil }
        self.init(nominal: nominal, kind: kind, overlap: ScheduleOverlapPolicy(rawValue: String(word[2])))
    }

    package var word: String { "\(nominal):\(kind.rawValue):\(overlap?.rawValue ?? "")" }
}

/// `1769904000000000:1769990400000000:allow_all`
/// .
extension ScheduleBackfill: StoredWord {
    package init?(word: [Substring]) {
        guard word.count == 3, let after = Microseconds(word[0]), let through = Microseconds(word[1]) else { return nil }
        self.init(after: after, through: through, overlap: ScheduleOverlapPolicy(rawValue: String(word[2])))
    }

    package var word: String { "\(after):\(through):\(overlap?.rawValue ?? "")" }
}

/// `4611686018427387904:1`, and with `:b` one that was started beside the others
/// .
extension ScheduledRun: StoredWord {
    package init?(word: [Substring]) {
        guard word.count == 2 || word.count == 3 && word[2] == "b", let number = WorkflowNumber(word[0]) else { return nil }
        self.init(number: number, asked: Int16(word[1]).flatMap(InboxKind.init(rawValue:)), isBeside: word.count == 3)
    }

    package var word: String { "\(number):\(asked?.rawValue ?? 0)\(isBeside ? ":b" : "")" }
}
