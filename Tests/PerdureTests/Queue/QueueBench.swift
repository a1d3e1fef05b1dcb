@testable import Perdure

/// A dispatcher and the least that a store is to it: rows in lanes, slots, rates.
struct QueueBench {
    struct Row: Equatable {
        var number: WorkflowNumber
        var key: String
    }

    var dispatcher = Dispatcher()
    private(set) var now = ContinuousClock.now
    /// How many claims the last `claimAll` made.
    private(set) var plans = 0
    /// Of the executor, or of workflows.
    private(set) var slots: [Slot: WorkflowNumber?] = [:]

    private var time: Microseconds = 0
    private var rows: [Int64: (lane: Lane, isReturned: Bool, count: Int)] = [:]
    private var windows: [LimitID: RateWindow] = [:]
    private var running: [Row] = []
    private var lastNumber: WorkflowNumber = 0
    private var revision: Int64 = 1

    init(_ queue: Queue, isPaused: Bool = false) {
        dispatcher.configure([QueueRow(declared: QueueRules(queue), isPaused: isPaused)])
    }

    mutating func configure(_ queue: Queue, revision: Int64) {
        self.revision = revision
        dispatcher.configure([QueueRow(declared: QueueRules(queue), revision: revision)])
    }

    mutating func add(_ count: Int, key: String, priority: Int16 = 0, isReturned: Bool = false) {
        let lane = Lane(queue: "work", key: key, priority: priority, workflow: "flow")
        let known = rows.first { $0.value.lane == lane && $0.value.isReturned == isReturned }?.key
        let number = known ?? Int64(rows.count)
        rows[number] = (lane, isReturned, count + (rows[number]?.count ?? 0))
        dispatcher.learn([ReadyLane(number: number, lane: lane, isReturned: isReturned)])
    }

    mutating func pass(_ duration: Duration) {
        now += duration
        time += duration.wholeMicroseconds
    }

    mutating func plan() -> ClaimRequest? { dispatcher.plan(room: 9, now: now, time: time) }

    mutating func surplus() -> [Slot] { dispatcher.surplus(now: now) }

    /// What begins now, until nothing more is asked for.
    mutating func claimAll() -> [Row] {
        var begun: [Row] = []
        plans = 0
        while plans < 1_000, let request = dispatcher.plan(room: 500, now: now, time: time) {
            plans += 1
            begun += answer(request)
        }
        running += begun
        return begun
    }

    /// One after the other, each of which ends at once when nothing more can begin.
    mutating func run(_ count: Int) -> [Row] {
        var begun: [Row] = []
        while begun.count < count {
            let more = claimAll()
            if more.isEmpty, running.isEmpty { return begun }
            begun += more
            end(1)
        }
        return Array(begun.prefix(count))
    }

    /// The oldest end; true if another may begin.
    @discardableResult
    mutating func end(_ count: Int) -> Bool {
        var mayBegin = false
        for row in running.prefix(count) {
            slots = slots.filter { $0.value != row.number }
            mayBegin = dispatcher.left(row.number).makesRoom || mayBegin
        }
        running.removeFirst(min(count, running.count))
        return mayBegin
    }

    private mutating func answer(_ request: ClaimRequest) -> [Row] {
        var ledger = ClaimLedger(request, queues: ["work": QueueStanding(revision: revision, isPaused: false)])
        var taken: [Slot] = []
        for wish in ledger.slotWishes {
            let free = (0..<Int32(wish.capacity)).lazy.map { Slot(limit: wish.limit, index: $0) }.filter { [slots] in slots[$0] == nil }
            taken += free.prefix(wish.wanted)
        }
        for slot in taken { slots[slot] = .some(nil) }
        ledger.fund(slots: taken, windows: windows, now: time)
        var begun: [Row] = []
        for index in ledger.served {
            var claimed: [Claimed] = []
            for lane in request.asks[index].lanes {
                while claimed.count < ledger.limit(of: index), let row = rows[lane], row.count > 0 {
                    rows[lane]?.count -= 1
                    lastNumber += 1
                    claimed.append(Claimed(number: lastNumber, isFresh: !row.isReturned))
                    begun.append(Row(number: lastNumber, key: row.lane.key))
                }
            }
            ledger.serve(index, claimed, hasMore: request.asks[index].lanes.contains { rows[$0]?.count ?? 0 > 0 })
        }
        let settlement = ledger.settled()
        windows.merge(settlement.windows) { $1 }
        for (slot, number) in settlement.given { slots[slot] = .some(number) }
        for slot in settlement.unused { slots[slot] = nil }
        _ = dispatcher.apply(settlement.report, to: request, now: now)
        return begun
    }
}
