/// How far bulk work has come.
public struct BulkProgress: Sendable, Hashable, Codable {
    /// A workflow that was not done.
    public struct Failure: Sendable, Hashable, Codable {
        /// Its run, which every call takes as an id.
        public var run: String
        /// Why not.
        public var message: String
    }

    /// How many matched when it began; counted to a hundred thousand, and nil until it has begun.
    public var expected: Int?
    /// How many of those that match it has come to: the sum of the next three.
    public var matched = 0
    /// To how many it was done.
    public var done = 0
    /// To how many it meant nothing any more: they have ended meanwhile, or somebody else was faster.
    public var skipped = 0
    /// How many failed.
    public var failed = 0
    /// The first of these, ten at most.
    public var failures: [Failure] = []
    /// It was stopped before its end.
    public var isStopped = false

    init() {}

    mutating func count(_ effect: BulkEffect, on number: WorkflowNumber) {
        matched += 1
        switch effect {
        case .done: done += 1
        case .skipped: skipped += 1
        case .failed(let message):
            failed += 1
            if failures.count < 10 { failures.append(Failure(run: Names.publicID(number), message: message)) }
        }
    }
}

/// What came of one workflow.
enum BulkEffect: Equatable {
    case done
    case skipped
    case failed(String)
}
