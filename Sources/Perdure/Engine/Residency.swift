/// Which workflows are in memory: pure.
///
/// Memory that was once used is given back only in part, so the limit bounds the peak: beyond nine tenths of it, workflows that only wait are
/// taken out of memory, those that wait longest first to come.
package struct Residency {
    package private(set) var runs: [WorkflowNumber: Run] = [:]
    /// Those that only wait, in the order in which they began to; some entries are out of date.
    private var parked: [WorkflowNumber] = []
    private var parkedHead = 0
    private var unloading: Set<WorkflowNumber> = []
    private var reserved = 0
    /// On their way out: still owned in the database, but not to be run again here.
    private(set) var departing: [WorkflowNumber: Bool] = [:]
    let limit: Int

    init(limit: Int) { self.limit = max(2, limit) }

    private var comfortable: Int { limit - max(1, limit / 10) }
    var room: Int { max(0, limit - runs.count - reserved) }

    /// Keeps room for one that is about to come; false if there is none.
    mutating func admit() -> Bool {
        guard room > 0 else { return false }
        reserved += 1
        return true
    }

    /// Keeps room for those that were claimed.
    mutating func reserve(_ count: Int) { reserved += count }
    /// They have come, or will not.
    mutating func unreserve(_ count: Int) { reserved -= count }

    mutating func departs(_ number: WorkflowNumber) { departing[number] = false }
    /// True if it was claimed again before its departure was known.
    mutating func departed(_ number: WorkflowNumber) -> Bool { departing.removeValue(forKey: number) ?? false }

    /// Those that may be run now.
    ///
    /// One whose departure is still on the way must wait for that: sent again, it would take from under this engine what runs.
    mutating func launchable(_ numbers: [WorkflowNumber]) -> [WorkflowNumber] {
        numbers.filter { number in
            guard departing[number] != nil else { return true }
            departing[number] = true
            return false
        }
    }

    /// What this engine owns according to the database, but does not have and is not giving away: a claim whose reply was lost.
    func lost(of owned: [WorkflowNumber]) -> [WorkflowNumber] {
        owned.filter { runs[$0] == nil && departing[$0] == nil }
    }

    /// False if it is there already.
    mutating func insert(_ run: Run) -> Bool {
        guard runs[run.number] == nil else { return false }
        runs[run.number] = run
        return true
    }

    /// True if room was short until now.
    mutating func remove(_ run: Run) -> Bool {
        guard runs[run.number] === run else { return false }
        let wasFull = room == 0
        runs[run.number] = nil
        unloading.remove(run.number)
        return wasFull
    }

    enum Parked {
        case stays
        case unload
        /// It stays; this one, which waits for longer, goes.
        case ask(Run)
    }

    /// All that `run` does is wait, and for more than a moment if `isLong`.
    mutating func parked(_ run: Run, isLong: Bool) -> Parked {
        guard runs[run.number] === run else { return .stays }
        if unloading.remove(run.number) != nil { return .unload }
        guard runs.count - unloading.count > comfortable else {
            if isLong { parked.append(run.number) }
            return .stays
        }
        if isLong { return .unload }
        while parkedHead < parked.count {
            let number = parked[parkedHead]
            parkedHead += 1
            if parkedHead > 1024, parkedHead * 2 > parked.count {
                parked.removeFirst(parkedHead)
                parkedHead = 0
            }
            if let other = runs[number], unloading.insert(number).inserted { return .ask(other) }
        }
        return .stays
    }

    mutating func removeAll() -> [Run] {
        defer {
            runs = [:]
            parked = []
            parkedHead = 0
            unloading = []
        }
        return Array(runs.values)
    }
}
