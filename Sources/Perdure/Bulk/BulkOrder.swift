/// What bulk work is to do: the input of its workflow, in JSON whatever the codec is, so that every engine can read it.
struct BulkOrder: Codable, Sendable, Hashable {
    var action: BulkAction
    /// In the language of filters; empty is every workflow.
    var filter: String
    /// Workflows in each second.
    var rate: Double
    var by: String
    var reason: String?

    init(_ action: BulkAction, filter: String, rate: Double, by: String, reason: String?) throws(WorkflowError) {
        try action.check()
        guard rate > 0, rate.isFinite else {
            throw WorkflowError(
                .invalidState,
                "the rate of bulk work is \(rate) workflows in each second: it must be above zero, and 0.1 is one in ten seconds")
        }
        try Names.check(by, "who does bulk work")
        if let reason, reason.utf8.contains(0) { throw WorkflowError(.invalidName, "the reason of bulk work has a NUL character") }
        (self.action, self.filter, self.rate, self.by, self.reason) = (action, filter, rate, by, reason)
    }

    /// How many are decided and checkpointed together: what two seconds allow.
    var pageSize: Int { Int(min(max(rate * 2, 1), 200)) }

    /// Which of them are left alone after all: those that the action means nothing to, and the library's own.
    func selection(at moment: Microseconds) throws(FilterError) -> WorkflowFilter {
        try WorkflowFilter(parsing: filter).fixed(at: moment).meant(for: action)
    }
}

extension WorkflowFilter {
    /// Those of them to which an action means something, and that are not the library's own.
    func meant(for action: BulkAction) -> WorkflowFilter {
        let isOwn = WorkflowFilter(.test(.name, .compare(.startsWith, .text(Names.reserved))))
        return self && !isOwn && WorkflowFilter(.states(action.states))
    }
}
