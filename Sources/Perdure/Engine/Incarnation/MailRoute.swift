/// Whether a message may be handed over in memory: pure.
///
/// It may not while an earlier one of the same sender's may still have to be found in the database (its commit was in doubt, it was sent from
/// a step's body or a transaction, by an engine that died, or its receiver was not here yet): it would overtake that one.
struct MailRoute: Sendable {
    private(set) var asked = 0
    private var looked = 0

    var isDirect: Bool { asked == looked }

    /// Something is in the database that has to be found there first.
    mutating func detour() { asked += 1 }

    /// What had been asked for by then is where it belongs.
    mutating func found(_ asked: Int) { looked = max(looked, asked) }
}
