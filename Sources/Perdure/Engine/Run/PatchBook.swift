/// What a run answers when its code asks whether a change applies to it: pure.
///
/// The first answer for a patch holds for the whole run, wherever replay has come to meanwhile: a later life, whose history is longer, must give
/// the same at the same place.
struct PatchBook {
    /// The keys of the rows that the history holds.
    private let recorded: Set<String>
    private var answers: [String: (isOn: Bool, place: String)] = [:]
    /// The places of rows that are on their way into the database.
    private var onTheWay: Set<Int64> = []

    init(recorded: Set<String>) { self.recorded = recorded }

    enum Answer: Equatable {
        case known(Bool)
        /// The new path, and a row that says so.
        case record
    }

    /// - Parameter place: Where in the code; each patch has one.
    mutating func ask(_ id: String, at place: String, isLive: Bool) throws(WorkflowError) -> Answer {
        if let known = answers[id] {
            guard known.place == place else { throw .duplicatePatch(id, known.place, place) }
            return .known(known.isOn)
        }
        let isRecorded = recorded.contains(Self.key(id))
        answers[id] = (isRecorded || isLive, place)
        return isLive && !isRecorded ? .record : .known(isRecorded)
    }

    /// Nothing of the new path begins before the row is durable: otherwise a crash could leave behind what the old path knows nothing of.
    var isWaiting: Bool { !onTheWay.isEmpty }

    mutating func sent(_ order: Int64) { onTheWay.insert(order) }

    mutating func resolved(_ order: Int64) {
        if !onTheWay.isEmpty { onTheWay.remove(order) }
    }

    static func key(_ id: String) -> String { "@patch:" + id }
}

extension WorkflowError {
    fileprivate static func duplicatePatch(_ id: String, _ first: String, _ second: String) -> WorkflowError {
        WorkflowError(
            .duplicatePatch,
            "the patch '\(id)' is asked for at \(first) and at \(second): give each change an id of its own, or keep the answer in a variable"
        )
    }
}
