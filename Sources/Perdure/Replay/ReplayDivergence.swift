/// How the code of a workflow differs from what its history says it did.
public struct ReplayDivergence: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The key of the step at which they part.
    public var step: String
    /// Its place in the order of the history, from 1; nil for what has no place yet.
    public var place: Int?
    /// What the history holds there.
    public var recorded: ReplayedCall
    /// What the code asks for instead: all calls that wait at this point.
    ///
    /// Empty if it waits for nothing.
    public var asked: [ReplayedCall]
    /// The code has returned, or thrown.
    public var codeHasEnded: Bool
    /// What is wrong, in a sentence.
    public var reason: String

    /// The place and the sentence.
    public var description: String {
        (place.map { "at place \($0) of the history: " } ?? "") + reason
    }
}

extension ReplayDivergence {
    /// - Parameter what: What the history holds, if not simply the record.
    init(_ record: StepRecord, place: Int64?, _ glance: ReplayGlance, what: String) {
        step = record.key
        self.place = place.flatMap { Int(exactly: $0) }
        recorded = ReplayedCall(key: record.key, kind: record.kind)
        asked = glance.asked
        codeHasEnded = glance.result != nil
        reason = "\(what), but \(glance.code)"
    }
}
