/// Which workflows are in memory: pure.
///
/// Memory that was once used is given back only in part, so the limit bounds the peak: beyond nine tenths of it, workflows that only wait are
/// taken out of memory, those that wait longest first to come.
package struct Residency {
    package private(set) var runs: [WorkflowNumber: Run] = [:]
    /// Those that only wait, in the order in which they began to; some entries are out of date.
    private var parked: [WorkflowNumber] = []
    private var parkedHead = 0
    private var isListed: Set<WorkflowNumber> = []
    private var unloading: Set<WorkflowNumber> = []
    private var reserved = 0
    /// Claimed, and on the way into memory: they are being read.
    private(set) var coming: Set<WorkflowNumber> = []
    /// Their starts are on the way to the database, and back.
    private(set) var arriving: Set<WorkflowNumber> = []
    /// Of these, those that ran here and have left meanwhile: a sweep had found the start before its reply came.
    private var leftBeforeArrival: Set<WorkflowNumber> = []
    /// Those that have left since a sweep began; nil while there is none.
    private var leftDuringSweep: Set<WorkflowNumber>?
    /// Nothing comes in any more.
    private var isClosed = false
    /// On their way out: still owned in the database, but not to be run again here.
    private(set) var departing: [WorkflowNumber: Bool] = [:]
    /// Engines have died with them, and they have neither ended here nor come to a wait.
    var crashed: Set<WorkflowNumber> = []
    /// Suspects that are watched, and until when.
    private var watched: Set<WorkflowNumber> = []
    private(set) var lastWatched: [WorkflowNumber] = []
    private var watchEnd: Microseconds = .min
    let limit: Int

    init(limit: Int) { self.limit = max(2, limit) }

    private var comfortable: Int { limit - max(1, limit / 10) }
    var room: Int { max(0, limit - runs.count - reserved) }

    /// Keeps room for one that is about to come; false if there is none.
    mutating func admit(_ number: WorkflowNumber) -> Bool {
        guard room > 0, !isClosed else { return false }
        reserved += 1
        arriving.insert(number)
        return true
    }

    /// As `admit`, for several at once, while there are fewer than `full` in memory.
    mutating func admit(_ numbers: [WorkflowNumber], below full: Int) -> Bool {
        guard numbers.count <= room, limit - room < min(full, limit / 2), !isClosed else { return false }
        reserved += numbers.count
        arriving.formUnion(numbers)
        return true
    }

    /// It has come, or will not.
    mutating func arrived(_ number: WorkflowNumber) {
        reserved -= 1
        arriving.remove(number)
        leftBeforeArrival.remove(number)
        leftDuringSweep?.insert(number)
    }

    /// The reply to its start is older than its end.
    func hasLeftBeforeArrival(_ number: WorkflowNumber) -> Bool { leftBeforeArrival.contains(number) }

    /// Keeps room for those that were claimed.
    mutating func reserve(_ numbers: [WorkflowNumber]) {
        reserved += numbers.count
        coming.formUnion(numbers)
    }

    /// They have come, or will not.
    mutating func unreserve(_ numbers: [WorkflowNumber]) {
        reserved -= numbers.count
        coming.subtract(numbers)
    }

    /// It will be in memory in a moment.
    func isOnItsWay(_ number: WorkflowNumber) -> Bool { arriving.contains(number) || coming.contains(number) }

    mutating func departs(_ number: WorkflowNumber) { departing[number] = false }
    /// True if it was claimed again before its departure was known.
    mutating func departed(_ number: WorkflowNumber) -> Bool {
        leftDuringSweep?.insert(number)
        return departing.removeValue(forKey: number) ?? false
    }

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
    mutating func lost(of owned: [WorkflowNumber]) -> [WorkflowNumber] {
        defer { leftDuringSweep = nil }
        return owned.filter {
            runs[$0] == nil && departing[$0] == nil && !isOnItsWay($0) && leftDuringSweep?.contains($0) != true
        }
    }

    /// Before the database is asked what this engine owns.
    mutating func beginSweep() { leftDuringSweep = [] }

    /// False if it is there already.
    mutating func insert(_ run: Run) -> Bool {
        guard runs[run.number] == nil, !isClosed else { return false }
        runs[run.number] = run
        return true
    }

    /// True if room was short until now.
    mutating func remove(_ run: Run) -> Bool {
        guard runs[run.number] === run else { return false }
        let wasFull = room == 0
        runs[run.number] = nil
        leftDuringSweep?.insert(run.number)
        if arriving.contains(run.number) { leftBeforeArrival.insert(run.number) }
        unloading.remove(run.number)
        return wasFull
    }

    enum Parked {
        case stays
        case unload
        /// It stays; this one, which waits for longer, goes.
        case ask(Run)
    }

    /// All that `run` does is wait, and for more than a moment if `isLong`; it goes in any case if it gives way to others of its queue.
    mutating func parked(_ run: Run, isLong: Bool, givesWay: Bool = false) -> Parked {
        guard runs[run.number] === run else { return .stays }
        if unloading.remove(run.number) != nil || givesWay { return .unload }
        guard runs.count - unloading.count > comfortable else {
            if isLong { list(run.number) }
            return .stays
        }
        return isLong ? .unload : longestParked().map(Parked.ask) ?? .stays
    }

    private mutating func list(_ number: WorkflowNumber) {
        guard isListed.insert(number).inserted else { return }
        parked.append(number)
        // Most end without being asked to leave.
        guard parked.count - parkedHead > 2 * runs.count + 64 else { return }
        parked = parked[parkedHead...].filter { runs[$0] != nil }
        parkedHead = 0
        isListed = Set(parked)
    }

    /// It was asked to leave, but has something to do.
    mutating func staysAfterAll(_ number: WorkflowNumber) { unloading.remove(number) }

    /// The one that has waited longest; it is to be asked to leave.
    mutating func longestParked() -> Run? {
        while parkedHead < parked.count {
            let number = parked[parkedHead]
            parkedHead += 1
            isListed.remove(number)
            if parkedHead > 1024, parkedHead * 2 > parked.count {
                parked.removeFirst(parkedHead)
                parkedHead = 0
            }
            if let other = runs[number], unloading.insert(number).inserted { return other }
        }
        return nil
    }

    mutating func watch(_ numbers: [WorkflowNumber], until end: Microseconds) {
        watched = Set(numbers)
        lastWatched = numbers
        watchEnd = end
    }

    /// Besides those that are watched already: of queues, whose turn has come.
    mutating func watchToo(_ numbers: [WorkflowNumber], until end: Microseconds) {
        watched.formUnion(numbers)
        lastWatched += numbers.filter { !lastWatched.contains($0) }
        watchEnd = max(watchEnd, end)
    }

    /// When the next suspects may begin; nil: now.
    func probationEnd(_ now: Microseconds) -> Microseconds? { watched.isEmpty || watchEnd <= now ? nil : watchEnd }

    /// Whether engines had died with it, and whether it was the last that was watched.
    mutating func acquit(_ number: WorkflowNumber) -> (hasCrashed: Bool, wasLast: Bool) {
        let hasCrashed = !crashed.isEmpty && crashed.remove(number) != nil
        return (hasCrashed, !watched.isEmpty && watched.remove(number) != nil && watched.isEmpty)
    }

    mutating func removeAll() -> [Run] {
        isClosed = true
        defer {
            runs = [:]
            parked = []
            parkedHead = 0
            unloading = []
        }
        return Array(runs.values)
    }
}
