import FoundationEssentials
@testable import Perdure

/// A schedule without a store: what it decides, when.
struct ScheduleMachine {
    var row: ScheduleRow
    /// Of every start, in order.
    private(set) var log: [String] = []
    private(set) var asks: [InboxItem] = []
    private(set) var complaint: String?
    /// How many waited at most.
    private(set) var longestWait = 0
    private var fired: Set<ScheduledStart> = []
    private var numbers: WorkflowNumber = 0

    static let begin = Microseconds(1_900_000_000_000_000) / 3_600_000_000 * 3_600_000_000

    /// Every hour, from `begin`, with what is changed.
    init(_ change: (inout Schedule) -> Void = { _ in }) throws {
        var schedule = Schedule("s", .every(.seconds(3600)), Nothing.self)
        change(&schedule)
        row = ScheduleRow(try schedule.stored(PayloadCoder()), isDeclared: true, now: Self.begin)
        look(0)
    }

    private struct Nothing: Workflow {
        func run(_: Void, in context: WorkflowContext) async throws {}
    }

    var state: ScheduleState { row.state }

    static func hour(_ hours: Double) -> Microseconds { begin + Microseconds(hours * 3_600_000_000) }

    /// Looks at that hour, when these runs (by their order, from 1) have ended.
    ///
    /// - Returns: What it starts: `3` is for the nominal time of hour 3, `3b` a backfill, `t` a trigger.
    @discardableResult
    mutating func look(_ hours: Double, ended: [WorkflowNumber: OutcomeStatus?] = [:]) -> [String] {
        let now = Self.hour(hours)
        var started: [String] = []
        var over = ended
        repeat {
            var firing = ScheduleFiring(row, ended: over, now: now)
            over = [:]
            asks += firing.asks
            complaint = firing.complaint ?? complaint
            var results: [(start: ScheduledStart, number: WorkflowNumber, result: StartResult?)] = []
            for start in firing.starts {
                let key = ScheduledStart(nominal: start.nominal, kind: start.kind == .trigger ? .trigger : .time)
                guard fired.insert(key).inserted else {
                    results.append((start, 0, nil))
                    continue
                }
                numbers += 1
                results.append((start, numbers, .started(owned: false)))
                started.append(Self.shown(start))
            }
            firing.conclude(results)
            row = firing.row
            longestWait = max(longestWait, row.state.waiting.count)
        } while row.state.due <= now
        log += started
        return started
    }

    private static func shown(_ start: ScheduledStart) -> String {
        let hours = Double(start.nominal - begin) / 3_600_000_000
        switch start.kind {
        case .trigger: return "t"
        case .time: return hours == hours.rounded() ? "\(Int(hours))" : "\(hours)"
        case .backfill: return "\(Int(hours))b"
        }
    }

    mutating func change(_ change: (inout ScheduleState) -> Void) { change(&row.state) }

    mutating func trigger(_ hours: Double, _ overlap: ScheduleOverlapPolicy? = nil) {
        _ = row.state.trigger(overlap, now: Self.hour(hours))
    }

    mutating func backfill(_ first: Double, _ last: Double, _ overlap: ScheduleOverlapPolicy? = .bufferAll) {
        row.state.backfills.append(ScheduleBackfill(after: Self.hour(first) - 1, through: Self.hour(last), overlap: overlap))
    }

    mutating func become(_ hours: Double, _ change: (inout Schedule) -> Void) throws {
        var schedule = Schedule("s", .every(.seconds(3600)), Nothing.self)
        change(&schedule)
        row.become(try schedule.stored(PayloadCoder()), now: Self.hour(hours))
    }
}
