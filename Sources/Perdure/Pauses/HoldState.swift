/// An attempt of a step that wants to begin.
package struct AttemptRequest: Sendable {
    var step: String
    var type: String
    var breaker: StepBreaker?
}

/// A breaker with its key; an object, because every step carries one or none.
package final class StepBreaker: Sendable {
    let key: String
    let settings: CircuitBreaker

    init(key: String, settings: CircuitBreaker) { (self.key, self.settings) = (key, settings) }
}

/// With what an attempt has begun.
package enum AttemptPass: Sendable, Equatable {
    case free
    /// As one of those that a half-open breaker lets through, after the opening of this number.
    case trial(Int64)
}

/// Whether an attempt may begin.
package enum Admission: Sendable, Equatable {
    case go(AttemptPass)
    /// The row that holds it back; nil while that is on its way to the database.
    case held(by: Int64?)
}

/// What holds back attempts in one engine, and who waits for that: pure.
package struct HoldState: Sendable {
    private struct Waiter: Sendable {
        var pause: Int64?
        var breaker: String?
        var signal: Signal
    }

    private(set) var book = PauseBook()
    /// How often a single row was learnt.
    private(set) var learnt = 0
    private var waiters: [ObjectIdentifier: Waiter] = [:]
    /// Calls that half-open breakers have permitted, and that have not begun.
    private var permits: [String: (opening: Int64, count: Int)] = [:]
    private var windows: [String: CallWindow] = [:]
    /// Breakers that were found to fail here, and whose rows are on their way.
    private var opening: Set<String> = []
    /// Breakers that are being asked for permits.
    private var asking: Set<String> = []

    /// So many windows are kept without looking for those that are over.
    private static let manyWindows = 1_000

    var holdsNothing: Bool { book.isEmpty && opening.isEmpty }

    /// The signal is raised when it is worth while to ask again.
    ///
    /// - Returns: The key of a breaker that is to be asked for permits, besides.
    mutating func ask(_ request: AttemptRequest, _ signal: Signal, at now: Microseconds) -> (Admission, permits: String?) {
        if holdsNothing { return (.go(.free), nil) }
        if let row = book.pause(ofStep: request.step, in: request.type) {
            return (wait(Waiter(pause: row.number, signal: signal)), nil)
        }
        guard let key = request.breaker?.key else { return (.go(.free), nil) }
        if opening.contains(key) { return (wait(Waiter(breaker: key, signal: signal)), nil) }
        guard let row = book.breaker(key), let state = row.breaker else { return (.go(.free), nil) }
        if let permit = permits[key], permit.opening == state.opening, permit.count > 0, state.phase(at: now) == .halfOpen {
            permits[key] = (permit.opening, permit.count - 1)
            return (.go(.trial(permit.opening)), nil)
        }
        let admission = wait(Waiter(pause: row.number, breaker: key, signal: signal))
        return (admission, state.room(at: now) > 0 && asking.insert(key).inserted ? key : nil)
    }

    private mutating func wait(_ waiter: Waiter) -> Admission {
        waiters[ObjectIdentifier(waiter.signal)] = waiter
        return .held(by: waiter.pause)
    }

    /// It waits no more.
    mutating func withdraw(_ signal: Signal) { waiters[ObjectIdentifier(signal)] = nil }

    // MARK: - What is paused

    struct Change: Sendable {
        /// To be raised.
        var signals: [Signal] = []
        /// Breakers that are to be asked for permits.
        var permits: [String] = []
        /// Types that are paused since, and whether the set of those is another.
        var pausedTypes: Set<String> = []
        var hasOtherTypes = false
        /// Something holds back no more, or less: what waits outside memory is to be looked at.
        var isLifted = false
    }

    /// What is paused now; `read` is nil if only time has passed.
    mutating func adopt(_ read: [PauseRow]?, at now: Microseconds) -> Change {
        change(at: now) { book in
            if let read { book.adopt(read, at: now) } else { book.sort(at: now) }
        }
    }

    mutating func learn(_ row: PauseRow, at now: Microseconds) -> Change {
        learnt += 1
        return change(at: now) { $0.learn(row, at: now) }
    }

    private mutating func change(at now: Microseconds, _ body: (inout PauseBook) -> Void) -> Change {
        let before = book
        body(&book)
        var change = Change()
        change.pausedTypes = book.types.subtracting(before.types)
        change.hasOtherTypes = book.types != before.types
        change.isLifted = before.active.keys.contains { book.active[$0] == nil }
        for key in waiters.values.reduce(into: Set<String>(), { if let key = $1.breaker { $0.insert(key) } }) {
            if let state = book.breaker(key)?.breaker, state.room(at: now) > 0, asking.insert(key).inserted { change.permits.append(key) }
        }
        // Nobody here waits for it, but perhaps what is not in memory does.
        for row in book.active.values where row.breaker.map({ $0.room(at: now) > 0 }) ?? false {
            if !change.permits.contains(row.subject.name) { change.isLifted = true }
        }
        for (id, waiter) in waiters where !isHeld(waiter) {
            waiters[id] = nil
            change.signals.append(waiter.signal)
        }
        for row in book.active.values where row.breaker != nil { windows[row.subject.name] = nil }
        return change
    }

    private func isHeld(_ waiter: Waiter) -> Bool {
        waiter.pause.map { book.active[$0] != nil } ?? waiter.breaker.map { opening.contains($0) } ?? false
    }

    /// How many of those that wait for this row outside memory may be woken; nil for all.
    func wakeable(_ number: Int64, at now: Microseconds) -> Int? {
        guard let row = book.active[number] else { return nil }
        guard let state = row.breaker, !waiters.values.contains(where: { $0.pause == number }) else { return 0 }
        return state.room(at: now)
    }

    // MARK: - Breakers

    /// An attempt has ended; what was counted if the breaker is to be opened.
    mutating func ended(_ verdict: BreakerState.Verdict, _ breaker: StepBreaker, at now: Instant) -> CallCounts? {
        guard verdict != .ignored, book.breaker(breaker.key) == nil, !opening.contains(breaker.key) else { return nil }
        if windows.count > Self.manyWindows, windows[breaker.key] == nil { windows = windows.filter { $0.value.counts(at: now).calls > 0 } }
        var window = windows[breaker.key] ?? CallWindow(breaker.settings.slidingWindow, at: now)
        window.add(isFailure: verdict == .failed, at: now)
        windows[breaker.key] = window
        guard verdict == .failed else { return nil }
        let counts = window.counts(at: now)
        guard counts.calls >= breaker.settings.minimumNumberOfCalls,
            Double(counts.failures) >= breaker.settings.failureRateThreshold * Double(counts.calls)
        else { return nil }
        opening.insert(breaker.key)
        windows[breaker.key] = nil
        return counts
    }

    /// Its row is stored, by this engine or another, and known.
    mutating func opened(_ key: String) { opening.remove(key) }

    /// How many wait here for a breaker.
    func waiting(for key: String) -> Int { waiters.values.count { $0.breaker == key } }

    /// So many calls may begin: those who are raised may ask again.
    mutating func permitted(_ key: String, _ count: Int, opening: Int64) -> [Signal] {
        asking.remove(key)
        if count == 0 { return [] }
        let left = permits[key].map { $0.opening == opening ? $0.count : 0 } ?? 0
        permits[key] = (opening, left + count)
        let chosen = waiters.filter { $0.value.breaker == key }.prefix(count)
        for id in chosen.map(\.key) { waiters[id] = nil }
        return chosen.map(\.value.signal)
    }
}
