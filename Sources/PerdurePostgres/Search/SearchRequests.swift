internal import Perdure

/// Makes one statement of a search.
///
/// Not prepared: each is planned for its values. What must hold at once of a row elsewhere is joined and not looked for, so that the planner is free to
/// begin there.
struct SearchRequests {
    let schema: SchemaName

    /// More would only keep the planner busy.
    private static let joinLimit = 3

    /// The numbers that are asked for, in no order yet.
    private func numbers(
        _ plan: FilterPlan, _ range: ClosedRange<WorkflowNumber>, continuing last: WorkflowNumber? = nil,
        _ conditions: inout SearchConditions
    ) throws(StoreError) -> String {
        var (joins, all): ([String], [String]) = ([], [])
        var columns = ["w.number"]
        for node in plan.conditions {
            // A value that is there once in a workflow: joined, the workflow is found once.
            if case .test(.attribute(let name), .oneOf(let values)) = node, values.count == 1, joins.count < Self.joinLimit {
                let alias = "a\(joins.count)"
                let condition = try conditions.attribute(alias, name, .oneOf(values))
                joins.append("JOIN \(schema).attributes \(alias) ON \(alias).workflow = w.number AND \(condition)")
                columns.append("\(alias).workflow")
            } else {
                all.append(try conditions.condition(node))
            }
        }
        let (outcomes, live) = (endJoin(plan, &conditions), liveJoin(plan, &conditions))
        if outcomes == nil, live == nil, let states = plan.states { all.append(conditions.states(states)) }
        if let outcomes {
            joins.append(outcomes)
            columns.append("o.workflow")
        } else if conditions.usesOutcomes {
            joins.append("LEFT JOIN \(schema).outcomes o ON o.workflow = w.number")
        }
        if let live {
            joins.append(live)
        } else if conditions.usesLive {
            joins.append("LEFT JOIN \(schema).live l ON l.number = w.number")
        }
        all += bounds(columns, range, &conditions)
        if let last {
            let (after, upTo) = (conditions.bind(last), conditions.bind(last))
            all.append("w.number IN (SELECT r.number FROM \(schema).successors r WHERE r.number > \(after) AND r.first <= \(upTo))")
        }
        let filter = all.isEmpty ? "" : " WHERE " + all.joined(separator: " AND ")
        return "SELECT w.number FROM \(schema).workflows w \(joins.joined(separator: " "))\(filter)"
    }

    /// Of each partitioned table: the planner passes equality on to the others, but no range.
    private func bounds(
        _ columns: [String], _ range: ClosedRange<WorkflowNumber>, _ conditions: inout SearchConditions
    ) -> [String] {
        var bounds: [String] = []
        for column in columns {
            if range.lowerBound > .min { bounds.append("\(column) >= \(conditions.bind(range.lowerBound))") }
            if range.upperBound < .max { bounds.append("\(column) <= \(conditions.bind(range.upperBound))") }
        }
        return bounds
    }

    /// nil if what has not ended may be meant too.
    private func endJoin(_ plan: FilterPlan, _ conditions: inout SearchConditions) -> String? {
        guard let states = plan.states, states.isSubset(of: WorkflowStatus.State.closedStates), let ended = conditions.closed(states) else {
            return nil
        }
        // As the index says it.
        let rare = states.contains(.completed) ? "" : " AND o.status <> 1"
        return "JOIN \(schema).outcomes o ON o.workflow = w.number AND \(ended)\(rare)"
    }

    /// nil if what has ended may be meant too.
    private func liveJoin(_ plan: FilterPlan, _ conditions: inout SearchConditions) -> String? {
        guard let states = plan.states, states.isSubset(of: WorkflowStatus.State.openStates) else { return nil }
        if states == WorkflowStatus.State.openStates { return "JOIN \(schema).live l ON l.number = w.number" }
        return "JOIN \(schema).live l ON l.number = w.number AND (\(conditions.open(states).joined(separator: " OR ")))"
    }

    /// The columns of `Rows.summary`.
    func page(_ plan: FilterPlan, _ request: SearchRequest, _ range: ClosedRange<WorkflowNumber>) throws(StoreError) -> Request {
        var conditions = SearchConditions(schema, now: request.now)
        let numbers = try self.numbers(plan, range, continuing: request.continued, &conditions)
        let order = request.newestFirst ? "DESC" : "ASC"
        let limit = conditions.bind(Int64(max(0, request.limit)))
        let text = """
            SELECT w.number, w.id, w.queue, w.lane_key, w.priority, w.name, w.version, w.parent, w.parent_key, w.close_policy, w.attributes,
                w.attributes_codec, w.created, w.due, w.deadline, w.expires, l.state, l.executor, l.due, l.crashes, a.reason, o.status,
                o.finished, CASE WHEN w.parent IS NOT NULL THEN \(schema).public_id((SELECT q.id FROM \(schema).workflows q
                    WHERE q.number = w.parent), w.parent) END
            FROM (\(numbers) ORDER BY w.number \(order) LIMIT \(limit)) p
            JOIN \(schema).workflows w ON w.number = p.number LEFT JOIN \(schema).live l ON l.number = p.number
            LEFT JOIN \(schema).outcomes o ON o.workflow = p.number LEFT JOIN \(schema).asides a ON a.number = p.number
            ORDER BY p.number \(order)
            """
        return Request(Statement("perdure_search", isPrepared: false, text), conditions.parameters)
    }

    func count(
        _ plan: FilterPlan, _ range: ClosedRange<WorkflowNumber>, now: Microseconds, upTo limit: Int
    ) throws(StoreError) -> Request {
        var conditions = SearchConditions(schema, now: now)
        let numbers = try self.numbers(plan, range, &conditions)
        let text = "SELECT count(*) FROM (\(numbers) LIMIT \(conditions.bind(Int64(max(0, limit))))) p"
        return Request(Statement("perdure_count", isPrepared: false, text), conditions.parameters)
    }
}
