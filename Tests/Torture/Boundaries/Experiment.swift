import Foundation

/// A workflow whose process is struck at one boundary.
struct Experiment: Sendable, CustomStringConvertible {
    var shape: Shape
    /// nil for a run in which nothing happens, which shows what there is to strike.
    var strike: Strike?
    /// What was frozen goes on before anybody has touched its work, instead of when all is done.
    var isEarly = false

    /// Long waits are left only when memory is short, which takes more than one.
    var workflows: Int { leavesMemory ? 3 : 1 }
    var maximumInMemory: Int { leavesMemory ? 2 : 20_000 }
    private var leavesMemory: Bool { [.absence, .reunion].contains(shape) }

    var description: String { "\(shape): \(strike?.description ?? "nothing")\(isEarly ? ", thawed early" : "")" }
}

/// What became of it.
struct Finding: Sendable {
    let experiment: Experiment
    /// The boundary was there; what other connections do meanwhile decides about some.
    var isReached = false
    var audit: Audit
    /// What was wrong besides.
    var violations: [String] = []
    var defences = Defences()
    var takeover: Duration?
}

/// How often each defence has fired: one that never did is not proved.
struct Defences: Sendable {
    /// Writes that the fence refused.
    var refused = 0
    /// Batches that were sent again, and found their rows.
    var resent = 0
    /// Transactions that found their checkpoint.
    var conflicts = 0
    /// Sessions of the frozen that a reaper ended.
    var ended = 0
    /// Looks for claims whose answer was lost.
    var swept = 0
    /// Requests to the server to cancel a statement: there must be none.
    var cancels = 0

    init() {}

    init(_ board: Switchboard) {
        refused = board.count(ofState: "PD001")
        resent = board.count(of: "perdure_recorded")
        conflicts = board.count(of: "perdure_read_checkpoint")
        ended = board.count(ofState: "57P01")
        swept = board.count(of: "perdure_owned")
        cancels = board.cancels
    }

    static func += (sum: inout Defences, other: Defences) {
        sum.refused += other.refused
        sum.resent += other.resent
        sum.conflicts += other.conflicts
        sum.ended += other.ended
        sum.swept += other.swept
        sum.cancels += other.cancels
    }

    var text: String {
        "\(refused) writes refused, \(resent) batches recognized, \(conflicts) checkpoints found, \(ended) sessions ended, \(swept) sweeps"
    }
}
