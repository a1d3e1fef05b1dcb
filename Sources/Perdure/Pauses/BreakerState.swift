internal import Foundation

/// What all engines share of a circuit breaker: pure, with the time passed in.
///
/// Closed, calls go through, and each engine counts for itself (``CallWindow``). The first that finds too many failures opens it for all: no call
/// begins. When its wait is over it is half open: calls are permitted one, then two, four, … at a time, the next number when all of the last
/// have succeeded, until it closes. One that fails opens it again, for twice as long. As resilience4j's, whose half-open state
/// has one round.
package struct BreakerState: Sendable, Equatable, Codable {
    package enum Phase: Sendable, Equatable {
        case closed
        case open
        case halfOpen
    }

    /// What became of a call.
    package enum Verdict: Sendable {
        case succeeded
        case failed
        /// It says nothing about the other side.
        case ignored
    }

    /// How long it is open the first time, and at most.
    private var wait: Microseconds
    private var longestWait: Microseconds
    /// The number of calls of the last round.
    private var rounds: Int
    package private(set) var isClosed = true
    /// How often it was opened: what a call of an earlier half-open state comes to counts no more.
    package private(set) var opening: Int64 = 0
    /// How often since it was closed.
    private var inARow = 0
    package private(set) var openUntil: Microseconds = 0
    /// Of the round: how many calls it has, have begun, and have succeeded.
    package private(set) var permitted = 1
    package private(set) var begun = 0
    package private(set) var succeeded = 0
    /// When the last began.
    private var lastBegun: Microseconds = 0

    package init(_ settings: CircuitBreaker) {
        (wait, longestWait, rounds) = (0, 0, 1)
        adopt(settings)
    }

    private mutating func adopt(_ settings: CircuitBreaker) {
        wait = max(1, settings.waitDurationInOpenState.inMicroseconds)
        longestWait = max(wait, settings.maximumWaitDurationInOpenState.inMicroseconds)
        rounds = settings.permittedNumberOfCallsInHalfOpenState
    }

    package func phase(at now: Microseconds) -> Phase { isClosed ? .closed : now < openUntil ? .open : .halfOpen }

    /// How many calls may begin now.
    package func room(at now: Microseconds) -> Int {
        guard phase(at: now) == .halfOpen else { return 0 }
        return permitted - (now >= forgotten ? succeeded : begun)
    }

    /// When something changes although nobody does anything; nil if nothing does.
    package func nextChange(after now: Microseconds) -> Microseconds? {
        switch phase(at: now) {
        case .closed: nil
        case .open: openUntil
        case .halfOpen: begun > succeeded && forgotten > now && forgotten < .max ? forgotten : nil
        }
    }

    /// From when on calls that have begun and were not heard of are not waited for: their engine may have died.
    private var forgotten: Microseconds { lastBegun.adding(.microseconds(currentWait)) }

    private var currentWait: Microseconds {
        var current = wait
        for _ in 1..<max(1, inARow) {
            let (doubled, overflow) = current.multipliedReportingOverflow(by: 2)
            if overflow || doubled >= longestWait { return longestWait }
            current = doubled
        }
        return min(current, longestWait)
    }

    /// Too many calls have failed; false if it is open already.
    package mutating func open(_ settings: CircuitBreaker, at now: Microseconds) -> Bool {
        guard isClosed else { return false }
        adopt(settings)
        inARow = 0
        open(at: now)
        return true
    }

    private mutating func open(at now: Microseconds) {
        isClosed = false
        opening += 1
        inARow = min(inARow + 1, 63)
        openUntil = now.adding(.microseconds(currentWait))
        (permitted, begun, succeeded, lastBegun) = (1, 0, 0, 0)
    }

    /// Permits calls to begin; how many of those that wish to.
    package mutating func permit(_ wanted: Int, at now: Microseconds) -> Int {
        let count = min(wanted, room(at: now))
        guard count > 0 else { return 0 }
        if now >= forgotten { begun = succeeded }
        begun += count
        lastBegun = now
        return count
    }

    /// A call that was permitted after the opening of this number has ended; false if that changes nothing.
    package mutating func ended(_ verdict: Verdict, of opening: Int64, at now: Microseconds) -> Bool {
        guard opening == self.opening, phase(at: now) == .halfOpen else { return false }
        switch verdict {
        case .failed: open(at: now)
        // Another may have its place.
        case .ignored: begun = max(succeeded, begun - 1)
        case .succeeded:
            succeeded += 1
            begun = max(begun, succeeded)
            guard succeeded >= permitted else { return true }
            if permitted >= rounds { close() } else { (permitted, begun, succeeded) = (min(permitted * 2, rounds), 0, 0) }
        }
        return true
    }

    /// Calls go through again.
    package mutating func close() { isClosed = true }
}

extension BreakerState {
    /// As it is stored.
    package var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    package init?(text: String) {
        guard let state = try? JSONDecoder().decode(BreakerState.self, from: Data(text.utf8)) else { return nil }
        self = state
    }
}
