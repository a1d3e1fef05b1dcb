import Foundation
import Perdure

/// One kind of misfortune, brought about again and again.
protocol Scenario: AnyObject {
    var name: String { get }
    var tally: Tally { get set }
    /// Some rounds; the next lap goes on where this one ended.
    func lap() async throws
    /// Ends what was kept from lap to lap.
    func end() async
}

extension Scenario {
    var isComplete: Bool { tally.rounds >= tally.full }
}

/// How much is done: everything, or the share that each commit gets.
struct Sizes: Sendable {
    var isShare = false

    func callAsFunction(_ everything: Int, share: Int) -> Int { isShare ? share : everything }
}
