internal import Perdure

/// The conditions of a filter in the SQL of Postgres: text of ours, and the values that are bound to it.
///
/// In it `w` is the workflow, `l` its row in `live` and `o` its outcome, both of which may be missing. A condition that is NULL is false: `not` stands
/// only before tests, as `IS NOT TRUE`.
struct SearchConditions {
    private(set) var parameters: [ParameterBuffer?] = []
    /// What the conditions so far look at.
    private(set) var usesLive = false
    private(set) var usesOutcomes = false
    let schema: SchemaName
    let now: Microseconds

    init(_ schema: SchemaName, now: Microseconds) { (self.schema, self.now) = (schema, now) }

    /// The only way of a value into a statement.
    mutating func bind(_ value: ParameterBuffer, _ type: String) -> String {
        parameters.append(value)
        return "$\(parameters.count)::\(type)"
    }

    mutating func bind(_ value: Int64) -> String { bind(.int8(value), "int8") }

    private mutating func bind(_ text: String) throws(StoreError) -> String { bind(try .text(text), "text") }

    mutating func condition(_ node: FilterNode) throws(StoreError) -> String {
        switch node {
        case .all(let nodes): nodes.isEmpty ? "true" : try joined(nodes, " AND ")
        case .any(let nodes): nodes.isEmpty ? "false" : try joined(nodes, " OR ")
        case .not(let node): "((\(try condition(node))) IS NOT TRUE)"
        case .states(let states): self.states(states)
        case .test(let field, let test): try self.test(field, test)
        }
    }

    private mutating func joined(_ nodes: [FilterNode], _ word: String) throws(StoreError) -> String {
        var parts: [String] = []
        for node in nodes { parts.append(try condition(node)) }
        return "(" + parts.joined(separator: word) + ")"
    }

    // MARK: - States

    mutating func states(_ states: Set<WorkflowStatus.State>) -> String {
        let parts = [closed(states)].compactMap { $0 } + open(states)
        return parts.isEmpty ? "false" : "(" + parts.joined(separator: " OR ") + ")"
    }

    /// nil: none of them is an end.
    mutating func closed(_ states: Set<WorkflowStatus.State>) -> String? {
        let statuses = OutcomeStatus.allCases.filter { states.contains(WorkflowStatus.State($0)) }.map { String($0.rawValue) }
        if statuses.isEmpty { return nil }
        usesOutcomes = true
        return statuses.count == 1 ? "o.status = \(statuses[0])" : "o.status IN (\(statuses.joined(separator: ", ")))"
    }

    mutating func open(_ states: Set<WorkflowStatus.State>) -> [String] {
        let conditions: [String] = states.sorted { $0.rawValue < $1.rawValue }.compactMap { state in
            switch state {
            case .scheduled: "(l.state = 0 AND l.due > \(bind(now)) OR l.state = 2 AND l.due = w.due)"
            case .queued: "(l.state = 0 AND (l.due IS NULL OR l.due <= \(bind(now))))"
            case .running: "l.state = 1"
            case .waiting: "(l.state = 4 OR l.state = 2 AND (w.due IS NULL OR l.due IS DISTINCT FROM w.due))"
            case .setAside: "l.state = 3"
            case .paused: "l.state = 5"
            case .completed, .failed, .cancelled, .terminated, .timedOut, .expired, .continued: nil
            }
        }
        if !conditions.isEmpty { usesLive = true }
        return conditions
    }

    // MARK: - Fields

    private mutating func test(_ field: FilterField, _ test: FilterTest) throws(StoreError) -> String {
        switch field {
        case .id: return try id(test)
        case .name: return try text("w.name", test)
        case .version: return try text("w.version", test)
        case .queue: return try text("w.queue", test)
        case .key: return try text("w.lane_key", test)
        case .parent: return try parent(test)
        case .started: return try column("w.created", test)
        case .finished:
            usesOutcomes = true
            return try column("o.finished", test)
        case .due:
            usesLive = true
            return try column("nullif(l.due, 9223372036854775807)", test)
        case .deadline: return try column("w.deadline", test)
        case .priority: return try column("w.priority", test)
        case .crashes:
            usesLive = true
            return try column("coalesce(l.crashes, 0)", test)
        case .attribute(let name):
            return "EXISTS (SELECT FROM \(schema).attributes a WHERE a.workflow = w.number AND \(try attribute("a", name, test)))"
        }
    }

    /// Compared byte by byte; equality is that in any order of a database.
    private mutating func text(_ column: String, _ test: FilterTest) throws(StoreError) -> String {
        if let texts = test.texts { return try equality(column, texts) }
        return try self.column("\(column) COLLATE \"C\"", test)
    }

    private mutating func equality(_ column: String, _ texts: [String]) throws(StoreError) -> String {
        texts.count == 1 ? "\(column) = \(try bind(texts[0]))" : "\(column) = ANY(\(bind(try .texts(texts), "text[]")))"
    }

    private mutating func column(_ column: String, _ test: FilterTest) throws(StoreError) -> String {
        switch test {
        case .exists: "\(column) IS NOT NULL"
        case .oneOf(let values): "\(column) = ANY(\(bind(.int8s(values.compactMap(\.integer)), "int8[]")))"
        case .compare(let comparison, let value): try compare(column, comparison, value)
        }
    }

    private mutating func compare(_ column: String, _ comparison: FilterComparison, _ value: FilterValue) throws(StoreError) -> String {
        let sign: String
        switch comparison {
        case .less: sign = "<"
        case .atMost: sign = "<="
        case .greater: sign = ">"
        case .atLeast: sign = ">="
        case .startsWith:
            guard case .text(let prefix) = value else { return "false" }
            let low = "\(column) >= \(try bind(prefix))"
            guard let next = FilterText.successor(of: prefix) else { return low }
            return "(\(low) AND \(column) < \(try bind(next)))"
        }
        return "\(column) \(sign) \(try self.value(value))"
    }

    private mutating func value(_ value: FilterValue) throws(StoreError) -> String {
        switch value {
        case .text(let text): try bind(text)
        case .number(let number): bind(try .text(number.decimal), "text") + "::numeric"
        case .bool(let truth): truth ? "1" : "0"
        case .moment(let moment), .fromNow(let moment): bind(moment)
        }
    }

    /// All runs of an id of the user's; an id of ours is that of a run without one.
    private mutating func id(_ test: FilterTest) throws(StoreError) -> String {
        guard let ids = test.texts else {
            if case .compare(.startsWith, .text(let prefix)) = test, !FilterText.beginsPublicID(prefix) { return try text("w.id", test) }
            return try text("\(schema).public_id(w.id, w.number)", test)
        }
        let named = try equality("w.id COLLATE \"C\"", ids)
        let numbers = ids.compactMap(Names.number(fromPublicID:))
        if numbers.isEmpty { return named }
        return "(\(named) OR w.number = ANY(\(bind(.int8s(numbers), "int8[]"))) AND w.id IS NULL)"
    }

    private mutating func parent(_ test: FilterTest) throws(StoreError) -> String {
        guard let ids = test.texts else { return test == .exists ? "w.parent IS NOT NULL" : "false" }
        let numbers = bind(.int8s(ids.compactMap(Names.number(fromPublicID:))), "int8[]")
        let named = bind(try .texts(ids), "text[]")
        return "w.parent = ANY(ARRAY(SELECT i.number FROM \(schema).workflow_ids i WHERE i.id = ANY(\(named))) || \(numbers))"
    }

    // MARK: - Attributes

    /// What must hold of a row of attributes.
    mutating func attribute(_ alias: String, _ name: String, _ test: FilterTest) throws(StoreError) -> String {
        let named = "\(alias).name = \(try bind(name))"
        switch test {
        case .exists: return named
        case .compare(let comparison, let value):
            return "\(named) AND \(kind(alias, value))\(try compare("\(alias).\(value.attributeColumn)", comparison, value))"
        case .oneOf(let values):
            let texts = test.texts ?? []
            var tests = texts.isEmpty ? [] : [try equality("\(alias).text", texts)]
            for value in values where value.attributeColumn == "number" {
                tests.append("(\(kind(alias, value))\(alias).number = \(try self.value(value)))")
            }
            return "\(named) AND (\(tests.joined(separator: " OR ")))"
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

    /// Of fields that are no text.
    fileprivate var integer: Int64? {
        switch self {
        case .number(.int(let number)): number
        case .moment(let moment), .fromNow(let moment): moment
        case .text, .number(.double), .bool: nil
        }
    }
}
