/// Asks for a page of workflows.
package struct SearchRequest: Sendable {
    /// Whose turn in the order of numbers it is.
    package enum Extent: Sendable, Hashable {
        case all
        /// Those up to this number.
        case upTo(WorkflowNumber)
        /// Those behind this number that continue, as new runs, one up to it.
        case continuing(WorkflowNumber)
    }

    package var filter: WorkflowFilter
    /// The moment of the search by the asking process: what `-1h` counts from, and what is scheduled still.
    package var now: Microseconds
    /// Behind this one, in the order that is asked for.
    package var after: WorkflowNumber?
    package var limit: Int
    package var newestFirst: Bool
    package var extent: Extent

    package init(
        _ filter: WorkflowFilter, now: Microseconds, after: WorkflowNumber? = nil, limit: Int = 100, newestFirst: Bool = true,
        extent: Extent = .all
    ) {
        (self.filter, self.now, self.after, self.limit, self.newestFirst) = (filter, now, after, limit, newestFirst)
        self.extent = extent
    }

    /// Only runs that continue one up to this number are asked for.
    package var continued: WorkflowNumber? {
        if case .continuing(let last) = extent { last } else { nil }
    }

    /// The range of numbers that the page is in.
    package func numbers(_ plan: FilterPlan, databaseNow: Microseconds) -> ClosedRange<WorkflowNumber>? {
        var (low, high) = { ($0.lowerBound, $0.upperBound) }(plan.numbers(now: now, databaseNow: databaseNow))
        if let after {
            if newestFirst {
                if after == .min { return nil }
                high = min(high, after - 1)
            } else {
                if after == .max { return nil }
                low = max(low, after + 1)
            }
        }
        switch extent {
        case .all: break
        case .upTo(let last): high = min(high, last)
        case .continuing(let last):
            if last == .max { return nil }
            low = max(low, last + 1)
        }
        return low <= high ? low...high : nil
    }
}

/// A workflow in a list: without what may be large, which is its input, its output and its error.
package struct SummaryRecord: Sendable {
    /// Its input is void, its outcome holds nothing, and nobody has asked who serves it.
    package var status: StatusRecord
    /// The public id of its parent.
    package var parentID: String?

    package init(status: StatusRecord, parentID: String?) { (self.status, self.parentID) = (status, parentID) }
}

/// Finds workflows.
///
/// All stores agree on what a filter means: `FilterNode` says it, and the in-memory store is the measure.
package protocol SearchStore: Sendable {
    /// Those that match, by number.
    func search(_ request: SearchRequest) async throws(StoreError) -> [SummaryRecord]
    /// How many match; at most `limit` are counted.
    func count(_ filter: WorkflowFilter, now: Microseconds, upTo limit: Int) async throws(StoreError) -> Int
}
