extension WorkflowFilter {
    /// The same in the language of filters, for what is kept of it.
    ///
    /// - Throws: ``WorkflowError`` for what cannot be written: text with a NUL character, a moment far from ours.
    func written() throws(WorkflowError) -> String {
        let text = node == .all([]) ? "" : node.text
        // Read again it must be the same, or another would be carried out than was asked for.
        guard let read = try? WorkflowFilter(parsing: text), read.means(self) else {
            throw WorkflowError(.invalidState, "this filter cannot be kept as text, as it would have to be: '\(text)'")
        }
        return text
    }

    private func means(_ other: WorkflowFilter) -> Bool {
        let plans = (FilterPlan(self, now: 0), FilterPlan(other, now: 0))
        return plans.0 == plans.1 || plans.0.isEmpty && plans.1.isEmpty
    }

    /// The same with moments in place of distances from now, which would move with each search.
    func fixed(at now: Microseconds) -> WorkflowFilter { WorkflowFilter(node.fixed(at: now)) }
}

extension FilterNode {
    fileprivate func fixed(at now: Microseconds) -> FilterNode {
        switch self {
        case .all(let nodes): return .all(nodes.map { $0.fixed(at: now) })
        case .any(let nodes): return .any(nodes.map { $0.fixed(at: now) })
        case .not(let node): return .not(node.fixed(at: now))
        case .states, .test(_, .exists): return self
        case .test(let field, .oneOf(let values)): return .test(field, .oneOf(values.map { $0.fixed(at: now) }))
        case .test(let field, .compare(let comparison, let value)): return .test(field, .compare(comparison, value.fixed(at: now)))
        }
    }

    fileprivate var text: String {
        switch self {
        case .all(let nodes): nodes.isEmpty ? "status in (open, closed)" : Self.joined(nodes, " and ")
        case .any(let nodes): nodes.isEmpty ? "(status = open and status = closed)" : Self.joined(nodes, " or ")
        case .not(let node): "not " + node.text
        case .states(let states): Self.text(states)
        case .test(let field, .exists): "exists " + field.text
        case .test(let field, .oneOf(let values)) where values.count == 1: field.text + " = " + values[0].text
        case .test(let field, .oneOf(let values)):
            values.isEmpty ? FilterNode.any([]).text : field.text + " in (" + values.map(\.text).joined(separator: ", ") + ")"
        case .test(let field, .compare(let comparison, let value)): field.text + " " + comparison.text + " " + value.text
        }
    }

    private static func joined(_ nodes: [FilterNode], _ word: String) -> String {
        "(" + nodes.map(\.text).joined(separator: word) + ")"
    }

    private static func text(_ states: Set<WorkflowStatus.State>) -> String {
        if states.isEmpty { return FilterNode.any([]).text }
        // As it is written without quotes.
        let words = states.map { $0.rawValue.split(separator: " ").joined(separator: "_") }.sorted()
        return words.count == 1 ? "status = \(words[0])" : "status in (\(words.joined(separator: ", ")))"
    }
}

extension FilterField {
    fileprivate var text: String {
        switch self {
        case .id: "id"
        case .name: "name"
        case .version: "version"
        case .queue: "queue"
        case .key: "key"
        case .parent: "parent"
        case .started: "started"
        case .finished: "finished"
        case .due: "due"
        case .deadline: "deadline"
        case .priority: "priority"
        case .crashes: "crashes"
        case .attribute(let name): "attribute." + FilterValue.quoted(name)
        }
    }
}

extension FilterComparison {
    fileprivate var text: String {
        switch self {
        case .less: "<"
        case .atMost: "<="
        case .greater: ">"
        case .atLeast: ">="
        case .startsWith: "starts with"
        }
    }
}

extension FilterValue {
    fileprivate func fixed(at now: Microseconds) -> FilterValue {
        guard case .fromNow(let length) = self else { return self }
        let (sum, overflow) = now.addingReportingOverflow(length)
        return .moment(overflow ? (length < 0 ? .min : .max) : sum)
    }

    fileprivate var text: String {
        switch self {
        case .text(let text): Self.quoted(text)
        case .number(.int(let number)): String(number)
        case .number(.double(let number)): number.description
        case .bool(let truth): truth ? "true" : "false"
        // What has no text is found out when it is read again.
        case .moment(let moment): MomentText.text(moment) ?? "?"
        case .fromNow(let length): Self.distance(length)
        }
    }

    private static func distance(_ length: Microseconds) -> String {
        if length == 0 { return "now" }
        let seconds = length % 1_000_000 == 0 ? "\((length / 1_000_000).magnitude)" : "\(Double(length.magnitude) / 1_000_000)"
        return (length < 0 ? "-" : "+") + seconds + "s"
    }

    fileprivate static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
