internal import Perdure

/// One search as a statement: which table it goes through is decided here, for SQLite keeps no statistics by itself.
struct SearchStatement {
    let sql: String
    let values: [SQLValue]

    /// Where the search begins, and in the order of whose column it goes.
    private struct Way {
        var tables: String
        var number: String
        /// What it has seen to already.
        var condition: String?
        var isAttribute: Int?
        var seesToStates = false
    }

    /// The numbers of a page, in order.
    private static func numbers(
        _ plan: FilterPlan, _ range: ClosedRange<WorkflowNumber>, continuing last: WorkflowNumber? = nil,
        _ conditions: inout SearchConditions
    ) -> (sql: String, number: String) {
        let way = way(plan, &conditions)
        var all: [String] = []
        if let condition = way.condition { all.append(condition) }
        if range.lowerBound > .min { all.append("\(way.number) >= \(conditions.bind(.int(range.lowerBound)))") }
        if range.upperBound < .max { all.append("\(way.number) <= \(conditions.bind(.int(range.upperBound)))") }
        if let last {
            let (after, upTo) = (conditions.bind(.int(last)), conditions.bind(.int(last)))
            all.append("\(way.number) IN (SELECT r.number FROM perdure_successors AS r WHERE r.number > \(after) AND r.first <= \(upTo))")
        }
        if let states = plan.states, !way.seesToStates { all.append(conditions.states(states)) }
        for (index, node) in plan.conditions.enumerated() where index != way.isAttribute {
            all.append(top(node, &conditions))
        }
        let filter = all.isEmpty ? "" : " WHERE " + all.joined(separator: " AND ")
        return ("SELECT \(way.number) AS number FROM \(way.tables)\(filter)", way.number)
    }

    private static let rest = """
        LEFT JOIN perdure_live AS l ON l.number = w.number LEFT JOIN perdure_outcomes AS o ON o.workflow = w.number
        """

    /// From the narrowest table that all that is asked for is in: CROSS JOIN keeps SQLite to the order.
    private static func way(_ plan: FilterPlan, _ conditions: inout SearchConditions) -> Way {
        for (index, node) in plan.conditions.enumerated() {
            // A value that is there once in a workflow: it is found once.
            guard case .test(.attribute(let name), .oneOf(let values)) = node, values.count == 1 else { continue }
            return Way(
                tables: "perdure_attributes AS d CROSS JOIN perdure_workflows AS w ON w.number = d.workflow \(rest)", number: "d.workflow",
                condition: conditions.attribute("d", name, .oneOf(values)), isAttribute: index)
        }
        let isNarrow = plan.conditions.contains { node in
            switch node {
            case .test(.id, let test), .test(.parent, let test): test.texts != nil
            default: false
            }
        }
        guard let states = plan.states, !isNarrow else { return Way(tables: "perdure_workflows AS w \(rest)", number: "w.number") }
        if states.isSubset(of: WorkflowStatus.State.openStates) {
            return Way(
                tables: "perdure_live AS l CROSS JOIN perdure_workflows AS w ON w.number = l.number "
                    + "LEFT JOIN perdure_outcomes AS o ON o.workflow = l.number", number: "l.number",
                condition: "(" + conditions.open(states).joined(separator: " OR ") + ")", seesToStates: true)
        }
        if states.isSubset(of: WorkflowStatus.State.closedStates), !states.contains(.completed), let closed = conditions.closed(states) {
            return Way(
                tables: "perdure_outcomes AS o CROSS JOIN perdure_workflows AS w ON w.number = o.workflow "
                    + "LEFT JOIN perdure_live AS l ON l.number = o.workflow", number: "o.workflow",
                // Said once more, for SQLite to see that its index has them all.
                condition: "o.status <> 1 AND \(closed)", seesToStates: true)
        }
        return Way(tables: "perdure_workflows AS w \(rest)", number: "w.number")
    }

    /// Few rows have one of some values: they are looked up first.
    ///
    /// Of a range there may be many: each workflow is looked at, until there are enough.
    private static func top(_ node: FilterNode, _ conditions: inout SearchConditions) -> String {
        guard case .test(.attribute(let name), let test) = node else { return conditions.condition(node) }
        switch test {
        case .oneOf, .compare(.startsWith, _):
            return "w.number IN (SELECT a.workflow FROM perdure_attributes AS a WHERE \(conditions.attribute("a", name, test)))"
        case .compare, .exists: return conditions.condition(node)
        }
    }

    /// The columns of `SummaryRecord(_:)`.
    static func page(_ plan: FilterPlan, _ request: SearchRequest, _ range: ClosedRange<WorkflowNumber>) -> SearchStatement {
        var conditions = SearchConditions(now: request.now)
        let (numbers, number) = Self.numbers(plan, range, continuing: request.continued, &conditions)
        let order = request.newestFirst ? "DESC" : "ASC"
        let limit = conditions.bind(.int(Int64(max(0, request.limit))))
        let sql = """
            SELECT w.number, w.id, w.queue, w.lane_key, w.priority, w.name, w.version, w.parent, w.parent_key, w.close_policy, w.attributes,
                w.attributes_codec, w.created, w.due, w.deadline, w.expires, l.state, l.executor, l.due, l.crashes, a.reason, o.status,
                o.finished, CASE WHEN w.parent IS NOT NULL THEN coalesce(q.id, 'w' || printf('%016x', w.parent)) END
            FROM (\(numbers) ORDER BY \(number) \(order) LIMIT \(limit)) AS p CROSS JOIN perdure_workflows AS w ON w.number = p.number
            LEFT JOIN perdure_live AS l ON l.number = w.number LEFT JOIN perdure_outcomes AS o ON o.workflow = w.number
            LEFT JOIN perdure_asides AS a ON a.number = w.number LEFT JOIN perdure_workflows AS q ON q.number = w.parent
            ORDER BY p.number \(order)
            """
        return SearchStatement(sql: sql, values: conditions.values)
    }

    static func count(
        _ plan: FilterPlan, _ range: ClosedRange<WorkflowNumber>, now: Microseconds, upTo limit: Int
    ) -> SearchStatement {
        var conditions = SearchConditions(now: now)
        let numbers = Self.numbers(plan, range, &conditions).sql
        let sql = "SELECT count(*) FROM (\(numbers) LIMIT \(conditions.bind(.int(Int64(max(0, limit))))))"
        return SearchStatement(sql: sql, values: conditions.values)
    }
}
