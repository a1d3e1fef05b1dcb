// One thing done to all workflows that match a filter.

extension Client {
    /// Does something to all workflows that match a filter and were started before: durable work, done by the engines; returns when it is recorded.
    ///
    /// A workflow is looked at when its page is read, the oldest first. Those to which the action means nothing are passed over, and so is all bulk work.
    /// Each action is recorded with its workflow as a single one is, with the reason and the id of the bulk work. A crash costs nothing but time.
    ///
    /// - Parameters:
    ///   - action: What is done to each.
    ///   - filter: To which; every workflow is `.all`, said in so many letters.
    ///   - id: An idempotency key: the same bulk work under it again is the one that is there.
    ///   - rate: To how many in each second at most; 0.1 is one in ten seconds.
    ///   - by: Who does it; recorded.
    ///   - reason: Why; recorded.
    /// - Throws: ``WorkflowError`` for a rate or an action that makes no sense, or if the id stands for something else.
    @discardableResult
    public func bulk(
        _ action: BulkAction, where filter: WorkflowFilter, id: String? = nil, rate: Double = 100, by: String, reason: String? = nil
    ) async throws -> BulkHandle {
        try await bulk(BulkOrder(action, filter: filter.written(), rate: rate, by: by, reason: reason), id)
    }

    /// Does something to all workflows that match a filter in the language of <doc:Filters>; see the other `bulk`.
    ///
    /// The text `all` stands for every workflow, and a text of nothing is refused.
    ///
    /// - Throws: ``FilterError`` if the text is none, besides.
    @discardableResult
    public func bulk(
        _ action: BulkAction, where text: String, id: String? = nil, rate: Double = 100, by: String, reason: String? = nil
    ) async throws -> BulkHandle {
        let text = try Self.meant(text).text
        return try await bulk(BulkOrder(action, filter: text, rate: rate, by: by, reason: reason), id)
    }

    /// What bulk work would do, without doing it: how many workflows, and some of them.
    public func previewBulk(_ action: BulkAction, where filter: WorkflowFilter, sample: Int = 20) async throws -> BulkPreview {
        try action.check()
        let now = core.environment.clock.now()
        let selection = filter.fixed(at: now).meant(for: action)
        let matched = try await core.store.count(selection, now: now, upTo: 100_000)
        return BulkPreview(matched: matched, sample: try await workflows(where: selection, limit: max(0, sample), newestFirst: false).all())
    }

    /// What bulk work would do, by a filter in the language of <doc:Filters>; see the other `previewBulk`.
    public func previewBulk(_ action: BulkAction, where text: String, sample: Int = 20) async throws -> BulkPreview {
        try await previewBulk(action, where: Self.meant(text).filter, sample: sample)
    }

    /// The bulk work of an id.
    ///
    /// - Throws: ``WorkflowError`` if there is none.
    public func bulkHandle(id: String) async throws -> BulkHandle {
        let number = try await core.number(ofID: id)
        guard try await core.status(of: number).name == BulkWork.name else {
            throw WorkflowError(.otherType, "the id '\(id)' is that of a workflow, not of bulk work")
        }
        return BulkHandle(id: id, number: number, core: core)
    }

    /// All bulk work, also what has ended; the newest first.
    public func bulkWork(limit: Int = 50) async throws -> [BulkStatus] {
        var all: [BulkStatus] = []
        for workflow in try await workflows(where: .name == BulkWork.name, limit: limit).all() {
            guard let record = try await core.store.status(of: workflow.number) else { continue }
            all.append(try await BulkStatus(record, core))
        }
        return all
    }

    private func bulk(_ order: BulkOrder, _ id: String?) async throws -> BulkHandle {
        let input = try PayloadCoder().encode(order, what: "the order of bulk work")
        let record = try await core.record(name: BulkWork.name, input: input, id: id, StartOptions(version: ""))
        let number = try await core.start(record, StartOptions().policies)
        if number != record.number, let there = try await core.store.status(of: number)?.record.input, there != input {
            throw WorkflowError(
                .alreadyStarted, "the id '\(id ?? "")' stands for other bulk work already: another action, filter, rate, reason or person")
        }
        return BulkHandle(id: id ?? Names.publicID(number), number: number, core: core)
    }

    /// Every workflow is never meant by saying nothing.
    private static func meant(_ text: String) throws -> (text: String, filter: WorkflowFilter) {
        if text.allSatisfy(\.isWhitespace) {
            throw FilterError("no filter is every workflow: say `all` if that is what is meant", text: text, position: 0)
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        if words.count == 1, words[0].lowercased() == "all" { return ("", .all) }
        return (text, try WorkflowFilter(parsing: text))
    }
}
