import Foundation
import Perdure

/// What passes on the way to the server and has an effect there: a statement, or the end of an implicit transaction.
struct Boundary: Hashable, Sendable, CustomStringConvertible {
    /// The statement's name, or its text in short.
    var statement: String
    /// Counted from 1 over all connections of a process.
    var occurrence: Int

    var description: String { "\(statement) #\(occurrence)" }

    /// Before the end of an implicit transaction is after its statement, and nothing comes of it.
    var places: [Strike.Place] { statement.hasSuffix(" sync") ? [.after] : Strike.Place.allCases }
}

/// What is done to a process at a boundary.
struct Strike: Hashable, Sendable, CustomStringConvertible {
    enum Place: String, CaseIterable, Sendable {
        /// The statement has not reached the server.
        case before
        /// The server has done it, and its answer has not reached the client.
        case after
    }

    enum Kind: String, CaseIterable, Sendable {
        /// The process is killed.
        case kill
        /// The connection is cut, and the process lives on.
        case cut
        /// The process is frozen, and with it what was on the way.
        case freeze
        /// This one connection is held up, and everything else goes on.
        case hold

        /// What is done to a process, of which another must not see anything.
        static let misfortunes: [Kind] = [.kill, .cut, .freeze]
    }

    var boundary: Boundary
    var place: Place
    var kind: Kind

    var description: String { "\(kind) \(place) \(boundary)" }
}

/// What all connections of one process share: it counts what passes, and strikes once.
final class Switchboard: Sendable {
    private struct State {
        var counts: [String: Int] = [:]
        var order: [Boundary] = []
        var errors: [String: Int] = [:]
        var cancels = 0
        var isFrozen = false
        var isHeld = false
        /// Whoever comes now is not held up any more.
        var isReleased = false
        /// Of the process that is struck.
        var pid: Int32 = 0
        /// Writes of a process whose work others had taken over, which the server accepted.
        var accepted: [String] = []
    }

    private let state = Lock(State())
    private let condition = NSCondition()
    let strike: Strike?
    let fired = Happening()
    /// What was held has been answered, or its connection is gone.
    let answered = Happening()

    init(_ strike: Strike? = nil) { self.strike = strike }

    /// Whoever is struck is taken for dead.
    var isMisfortune: Bool { strike?.kind != .hold }
    /// All that has passed, in order.
    var boundaries: [Boundary] { state.withLock { $0.order } }
    var accepted: [String] { state.withLock { $0.accepted } }
    var cancels: Int { state.withLock { $0.cancels } }

    func count(ofState code: String) -> Int { state.withLock { $0.errors[code] ?? 0 } }
    func count(of statement: String) -> Int { state.withLock { $0.counts[statement] ?? 0 } }

    func struck(_ pid: Int32) { state.withLock { $0.pid = pid } }

    // MARK: From the connections

    /// Counts what passes, and says whether this is the moment.
    func arrived(_ statement: String) -> Strike.Place? {
        let boundary = state.withLock { state in
            state.counts[statement, default: 0] += 1
            let boundary = Boundary(statement: statement, occurrence: state.counts[statement] ?? 0)
            state.order.append(boundary)
            return boundary
        }
        guard let strike, strike.boundary == boundary else { return nil }
        return strike.place
    }

    func failed(_ code: String) { state.withLock { $0.errors[code, default: 0] += 1 } }
    func cancelled() { state.withLock { $0.cancels += 1 } }
    func accepted(_ what: String) { state.withLock { $0.accepted.append(what) } }

    /// Strikes; true if what was held is to go on, when it may.
    func fire() -> Bool {
        guard let kind = strike?.kind else { return true }
        switch kind {
        case .cut, .hold: break
        case .kill: kill(pid(), SIGKILL)
        case .freeze:
            state.withLock { $0.isFrozen = true }
            kill(pid(), SIGSTOP)
        }
        if kind == .hold { state.withLock { $0.isHeld = !$0.isReleased } }
        fired.raise()
        if kind == .cut || kind == .kill { return false }
        waitUntilReleased()
        return true
    }

    /// The process may make its first statement before its parent has said who it is.
    private func pid() -> Int32 {
        while true {
            let pid = state.withLock { $0.pid }
            if pid != 0 { return pid }
            usleep(1_000)
        }
    }

    /// What other connections have on the way stays there, too.
    ///
    /// A little longer even: whether a late write is refused must not hang on a heartbeat that is quicker.
    func waitIfFrozen() {
        guard state.withLock({ $0.isFrozen }) else { return }
        waitUntilReleased()
        usleep(200_000)
    }

    private func waitUntilReleased() {
        condition.lock()
        while state.withLock({ $0.isFrozen || $0.isHeld }) { condition.wait() }
        condition.unlock()
    }

    func release() {
        condition.lock()
        state.withLock { ($0.isFrozen, $0.isHeld, $0.isReleased) = (false, false, true) }
        condition.broadcast()
        condition.unlock()
    }
}
