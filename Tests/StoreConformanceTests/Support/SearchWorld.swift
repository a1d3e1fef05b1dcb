internal import Foundation
internal import Perdure

/// Random workflows in many states, the same in any store.
struct SearchWorld {
    /// The moment of all searches: now, for the stores compare it with their own clock.
    let now = Microseconds(Date().timeIntervalSince1970 * 1_000_000)
    private let seed: UInt64
    private let count: Int

    init(seed: UInt64, count: Int) { (self.seed, self.count) = (seed, count) }

    static let names = ["Checkout", "Ship", "ship", "Schiff é", "Schiff e\u{301}", "100%", "a_b", "'; --"]
    static let ids = ["order-1", "order-2", "order-10", "Order-1", "w0000000000000001", "ü"]
    static let texts = ["acme", "Acme", "acme inc", "", "é", "e\u{301}", "%", "_", "2026-01-31T02:00:00Z", "12", "true", "\u{10FFFF}"]
    static let attributes = ["customer", "amount", "flag", "paid", "tags", "status", "weird \"name'; --", "é"]
    static let numbers: [SearchAttribute] = [
        0, -1, 12, 12.0, 12.5, -0.25, 1e20, 9_007_199_254_740_993, 9_007_199_254_740_992, .int(.max), .int(.min),
    ]

    /// A moment in the last 40 days, on one of a few points or between them.
    func moment(_ random: inout SeededRandom) -> Microseconds {
        let day: Microseconds = 86_400_000_000
        return now - Int64.random(in: 0...40, using: &random) * day
            + (Bool.random(using: &random) ? 0 : Int64.random(in: -5_000_000_000...5_000_000_000, using: &random))
    }

    static func attribute(_ random: inout SeededRandom, _ world: SearchWorld) -> SearchAttribute {
        func text(_ random: inout SeededRandom) -> String { texts.randomElement(using: &random) ?? "" }
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: return SearchAttribute(read: text(&random))
        case 2: return numbers.randomElement(using: &random) ?? 0
        case 3: return .bool(Bool.random(using: &random))
        case 4: return .date(Date(timeIntervalSince1970: Double(world.moment(&random) / 1_000_000)))
        default: return .list((0..<Int.random(in: 0...3, using: &random)).map { _ in text(&random) })
        }
    }

    /// Makes them.
    func fill(_ backend: any StoreBackend) async throws {
        var random = SeededRandom(state: seed)
        let executor = ExecutorID.random(in: 1...ExecutorID.max, using: &random)
        try await backend.register(
            executor, ExecutorDescription(label: "world", terms: LeaseTerms(lease: .seconds(600)), repertoire: .flow))
        let writer = try await backend.writer(0, for: executor)
        var owned: [WorkflowNumber] = []
        for index in 0..<count {
            let record = record(index, owned, &random)
            if let parent = record.parent {
                let row = step(parent.number, parent.key, Int64(index + 1), kind: .childStart)
                _ = try await writer.commit([.startChild(record, owned: true, step: row)])
                owned.append(record.number)
            } else if record.id != nil || Int.random(in: 0..<3, using: &random) == 0 {
                _ = try await backend.start([(record, IDPolicies(reuse: .allowDuplicate))], owner: nil)
            } else {
                _ = try await writer.commit([.start(record)])
                owned.append(record.number)
            }
            if Int.random(in: 0..<4, using: &random) > 0, let number = owned.randomElement(using: &random) {
                _ = try await writer.commit([fate(number, &random)])
            }
        }
        await writer.close()
    }

    private func record(_ index: Int, _ owned: [WorkflowNumber], _ random: inout SeededRandom) -> WorkflowRecord {
        let created = moment(&random)
        let hasID = Int.random(in: 0..<4, using: &random) == 0
        let lane = Lane(
            queue: ["", "", "emails"].randomElement(using: &random) ?? "", key: ["", "k"].randomElement(using: &random) ?? "",
            priority: Int16.random(in: 0...3, using: &random), workflow: Self.names.randomElement(using: &random) ?? "",
            version: ["", "v1"].randomElement(using: &random) ?? "")
        var record = WorkflowRecord(
            number: (created / 1000 - 1_735_689_600_000) << 22 + Int64(index), id: hasID ? Self.ids.randomElement(using: &random) : nil,
            lane: lane,
            input: .text("in"), created: created)
        if Int.random(in: 0..<3, using: &random) == 0 { record.due = moment(&random) + 20 * 86_400_000_000 }
        if Int.random(in: 0..<3, using: &random) == 0 { record.deadline = moment(&random) + 40 * 86_400_000_000 }
        if !hasID, Int.random(in: 0..<4, using: &random) == 0, let parent = owned.randomElement(using: &random) {
            record.parent = ParentLink(number: parent, key: "child \(index)", closePolicy: .abandon)
        }
        var attributes: [String: SearchAttribute] = [:]
        for name in Self.attributes where Int.random(in: 0..<3, using: &random) == 0 {
            attributes[name] = Self.attribute(&random, self)
        }
        if !attributes.isEmpty { record.attributes = SearchAttribute.encoded(attributes) }
        return record
    }

    /// Of one that is owned, or was.
    private func fate(_ number: WorkflowNumber, _ random: inout SeededRandom) -> Command {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return .suspend(number, due: .max)
        case 1: return .suspend(number, due: moment(&random) + 20 * 86_400_000_000)
        case 2: return .setAside(number, reason: "broken", at: now)
        case 3: return .release(number)
        default:
            let status = OutcomeStatus.allCases.randomElement(using: &random) ?? .completed
            return .finish(Outcome(workflow: number, status: status, output: .text("out"), finished: moment(&random)), parent: nil)
        }
    }
}

/// Random filters, whose values are mostly those that are there.
struct RandomFilter {
    let world: SearchWorld
    var random: SeededRandom

    mutating func node(depth: Int = 3) -> FilterNode {
        switch Int.random(in: 0..<(depth == 0 ? 6 : 12), using: &random) {
        case 0, 1: return .states(states())
        case 2, 3: return attribute()
        case 4, 5: return field()
        case 6, 7, 8: return .all((0..<Int.random(in: 0...3, using: &random)).map { _ in node(depth: depth - 1) })
        case 9: return .any((0..<Int.random(in: 0...3, using: &random)).map { _ in node(depth: depth - 1) })
        default: return .not(node(depth: depth - 1))
        }
    }

    private mutating func states() -> Set<WorkflowStatus.State> {
        let all = WorkflowStatus.State.allStates.sorted { $0.rawValue < $1.rawValue }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return WorkflowStatus.State.openStates
        case 1: return [all.randomElement(using: &random) ?? .running]
        default: return Set(all.filter { _ in Bool.random(using: &random) })
        }
    }

    private mutating func attribute() -> FilterNode {
        let field = FilterField.attribute(SearchWorld.attributes.randomElement(using: &random) ?? "")
        let values = (0..<Int.random(in: 0...3, using: &random)).map { _ in value() }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return .test(field, .exists)
        case 1: return .test(field, .oneOf(values))
        case 2, 3: return .test(field, .oneOf([value()]))
        default: return .test(field, comparison(value()))
        }
    }

    private mutating func value() -> FilterValue {
        let attribute = SearchWorld.attribute(&random, world)
        switch AttributeRow.rows("x", attribute).first {
        case let row? where row.kind == .moment: return .moment(row.moment)
        case let row? where row.kind == .bool: return .bool(row.number == .int(1))
        case let row?: return row.number.map { .number($0) } ?? .text(row.text ?? "")
        case nil: return .text("acme")
        }
    }

    private mutating func comparison(_ value: FilterValue) -> FilterTest {
        let comparisons: [FilterComparison] = [.less, .atMost, .greater, .atLeast]
        if case .text(let text) = value, Bool.random(using: &random) {
            return .compare(
                .startsWith, .text(String(text.unicodeScalars.prefix(Int.random(in: 0...3, using: &random)).map(Character.init))))
        }
        return .compare(comparisons.randomElement(using: &random) ?? .less, value)
    }

    private mutating func field() -> FilterNode {
        let fields: [FilterField] = [
            .id, .name, .version, .queue, .key, .parent, .started, .started, .finished, .due, .deadline, .priority, .crashes,
        ]
        let field = fields.randomElement(using: &random) ?? .name
        switch field.kind {
        case .reference:
            return Bool.random(using: &random) ? .test(field, .exists) : .test(field, .oneOf([.text(id()), .text(id())]))
        case .text, .attribute:
            let text = field == .id ? id() : (SearchWorld.names + ["", "emails", "k", "v1"]).randomElement(using: &random) ?? ""
            return Int.random(in: 0..<3, using: &random) == 0 ? .test(field, .oneOf([.text(text)])) : .test(field, comparison(.text(text)))
        case .moment:
            if Int.random(in: 0..<4, using: &random) == 0 { return .test(field, .exists) }
            let value: FilterValue =
                Bool.random(using: &random) ? .moment(world.moment(&random)) : .fromNow(world.moment(&random) - world.now)
            return Int.random(in: 0..<5, using: &random) == 0 ? .test(field, .oneOf([value])) : .test(field, comparison(value))
        case .number: return .test(field, comparison(.number(.int(Int64.random(in: 0...3, using: &random)))))
        }
    }

    private mutating func id() -> String {
        Int.random(in: 0..<4, using: &random) == 0 ? "w00" : SearchWorld.ids.randomElement(using: &random) ?? ""
    }
}

extension AttributeRow {
    fileprivate var moment: Microseconds {
        if case .int(let moment) = number { moment } else { 0 }
    }
}

extension SearchAttribute {
    /// As it is read from JSON: a text that is a moment is one.
    fileprivate init(read text: String) {
        self = AttributeJSON.read(Array(AttributeJSON.write(["x": .text(text)]).utf8))?["x"] ?? .text(text)
    }
}

/// What two stores must agree on of a workflow in a list.
struct Seen: Equatable {
    var record: WorkflowRecord
    var state: WorkflowStatus.State
    var due: Microseconds?
    var reason: String?
    var finished: Microseconds?
    var parentID: String?

    init(_ summary: SummaryRecord, now: Microseconds) {
        record = summary.status.record
        state = WorkflowStatus(summary.status, now: now).state
        (due, reason, finished, parentID) = (summary.status.due, summary.status.reason, summary.status.outcome?.finished, summary.parentID)
    }
}
