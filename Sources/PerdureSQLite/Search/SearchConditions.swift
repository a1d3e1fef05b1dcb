internal import Perdure

/// The conditions of a filter in SQLite's SQL: text of ours, and the values that are bound to it.
///
/// In it `w` is the workflow, `l` its row in `live` and `o` its outcome, both of which may be missing. A condition that is NULL is false: `not` stands
/// only before tests, as `IS NOT TRUE`.
struct SearchConditions {
    private(set) var values: [SQLValue] = []
    let now: Microseconds

    init(now: Microseconds) { self.now = now }

    /// The only way of a value into a statement.
    mutating func bind(_ value: SQLValue) -> String {
        values.append(value)
        return "?\(values.count)"
    }

    private mutating func list(_ values: [SQLValue]) -> String { "(" + values.map { bind($0) }.joined(separator: ", ") + ")" }

    mutating func condition(_ node: FilterNode) -> String {
        switch node {
        case .all(let nodes): nodes.isEmpty ? "1" : "(" + nodes.map { condition($0) }.joined(separator: " AND ") + ")"
        case .any(let nodes): nodes.isEmpty ? "0" : "(" + nodes.map { condition($0) }.joined(separator: " OR ") + ")"
        case .not(let node): "((\(condition(node))) IS NOT TRUE)"
        case .states(let states): self.states(states)
        case .test(let field, let test): self.test(field, test)
        }
    }

    // MARK: - States

    mutating func states(_ states: Set<WorkflowStatus.State>) -> String {
        let parts = [closed(states)].compactMap { $0 } + open(states)
        return parts.isEmpty ? "0" : "(" + parts.joined(separator: " OR ") + ")"
    }

    /// nil: none of them is an end.
    func closed(_ states: Set<WorkflowStatus.State>) -> String? {
        let statuses = OutcomeStatus.allCases.filter { states.contains(WorkflowStatus.State($0)) }.map { String($0.rawValue) }
        return statuses.isEmpty ? nil : "o.status IN (\(statuses.joined(separator: ", ")))"
    }

    mutating func open(_ states: Set<WorkflowStatus.State>) -> [String] {
        states.sorted { $0.rawValue < $1.rawValue }.compactMap { state in
            switch state {
            case .scheduled: "(l.state = 0 AND l.due > \(bind(.int(now))) OR l.state = 2 AND l.due = w.due)"
            case .queued: "(l.state = 0 AND (l.due IS NULL OR l.due <= \(bind(.int(now)))))"
            case .running: "l.state = 1"
            case .waiting: "(l.state = 4 OR l.state = 2 AND (w.due IS NULL OR l.due IS NOT w.due))"
            case .setAside: "l.state = 3"
            case .paused: "l.state = 5"
            case .completed, .failed, .cancelled, .terminated, .timedOut, .expired, .continued: nil
            }
        }
    }

    // MARK: - Fields

    private mutating func test(_ field: FilterField, _ test: FilterTest) -> String {
        switch field {
        case .id: id(test)
        case .name: column("w.name", test)
        case .version: column("w.version", test)
        case .queue: column("w.queue", test)
        case .key: column("w.lane_key", test)
        case .parent: parent(test)
        case .started: column("w.created", test)
        case .finished: column("o.finished", test)
        case .due: column("nullif(l.due, 9223372036854775807)", test)
        case .deadline: column("w.deadline", test)
        case .priority: column("w.priority", test)
        case .crashes: column("coalesce(l.crashes, 0)", test)
        case .attribute(let name):
            "EXISTS (SELECT 1 FROM perdure_attributes AS a WHERE a.workflow = w.number AND \(attribute("a", name, test, ofOne: true)))"
        }
    }

    private mutating func column(_ column: String, _ test: FilterTest) -> String {
        switch test {
        case .exists: "\(column) IS NOT NULL"
        case .oneOf(let values): "\(column) IN \(list(values.map(\.sql)))"
        case .compare(let comparison, let value): compare(column, comparison, value)
        }
    }

    private mutating func compare(_ column: String, _ comparison: FilterComparison, _ value: FilterValue) -> String {
        switch comparison {
        case .less: return "\(column) < \(bind(value.sql))"
        case .atMost: return "\(column) <= \(bind(value.sql))"
        case .greater: return "\(column) > \(bind(value.sql))"
        case .atLeast: return "\(column) >= \(bind(value.sql))"
        case .startsWith:
            guard case .text(let prefix) = value else { return "0" }
            let low = "\(column) >= \(bind(.text(prefix)))"
            guard let next = FilterText.successor(of: prefix) else { return low }
            return "(\(low) AND \(column) < \(bind(.text(next))))"
        }
    }

    /// All runs of an id of the user's; an id of ours is that of a run without one.
    private mutating func id(_ test: FilterTest) -> String {
        guard let ids = test.texts else {
            if case .compare(.startsWith, .text(let prefix)) = test, !FilterText.beginsPublicID(prefix) { return column("w.id", test) }
            return column(Schema.publicID("w"), test)
        }
        let numbers = ids.compactMap(Names.number(fromPublicID:))
        let named = "SELECT x.number FROM perdure_workflows AS x WHERE x.id IN \(list(ids.map { .text($0) }))"
        if numbers.isEmpty { return "w.number IN (\(named))" }
        return
            "w.number IN (\(named) UNION ALL SELECT x.number FROM perdure_workflows AS x WHERE x.number IN \(list(numbers.map { .int($0) })) AND x.id IS NULL)"
    }

    private mutating func parent(_ test: FilterTest) -> String {
        guard let ids = test.texts else { return test == .exists ? "w.parent IS NOT NULL" : "0" }
        let named = "SELECT i.number FROM perdure_workflow_ids AS i WHERE i.id IN \(list(ids.map { .text($0) }))"
        let numbers = ids.compactMap(Names.number(fromPublicID:)).map { " UNION ALL SELECT \(bind(.int($0)))" }
        return "w.parent IN (\(named)\(numbers.joined()))"
    }

    // MARK: - Attributes

    /// What must hold of a row of attributes.
    ///
    /// Of those of one workflow, which are few, they are found by its number: a plus keeps SQLite from going through all that have such a value.
    mutating func attribute(_ alias: String, _ name: String, _ test: FilterTest, ofOne: Bool = false) -> String {
        let column = (ofOne ? "+" : "") + alias
        let named = "\(alias).name = \(bind(.text(name)))"
        switch test {
        case .exists: return named
        case .compare(let comparison, let value):
            return "\(named) AND \(kind(alias, value))\(compare("\(column).\(value.attributeColumn)", comparison, value))"
        case .oneOf(let values):
            let texts = values.filter { $0.attributeColumn == "text" }.map(\.sql)
            var tests = texts.isEmpty ? [] : ["\(column).text IN \(list(texts))"]
            for value in values where value.attributeColumn != "text" {
                tests.append("\(kind(alias, value))\(column).number = \(bind(value.sql))")
            }
            return tests.count == 1 ? "\(named) AND \(tests[0])" : "\(named) AND (\(tests.joined(separator: " OR ")))"
        }
    }

    private func kind(_ alias: String, _ value: FilterValue) -> String {
        switch value {
        case .text: ""
        case .number: "\(alias).kind = \(AttributeRow.Kind.number.rawValue) AND "
        case .bool: "\(alias).kind = \(AttributeRow.Kind.bool.rawValue) AND "
        case .moment, .fromNow: "\(alias).kind = \(AttributeRow.Kind.moment.rawValue) AND "
        }
    }
}

extension FilterValue {
    fileprivate var attributeColumn: String {
        if case .text = self { "text" } else { "number" }
    }

    fileprivate var sql: SQLValue {
        switch self {
        case .text(let text): .text(text)
        case .number(.int(let number)): .int(number)
        case .number(.double(let number)): .double(number)
        case .bool(let truth): .int(truth ? 1 : 0)
        case .moment(let moment), .fromNow(let moment): .int(moment)
        }
    }
}
