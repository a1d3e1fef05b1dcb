// Finding workflows.

extension Client {
    /// The workflows that match a filter.
    ///
    /// - Parameters:
    ///   - filter: Which.
    ///   - limit: At most so many; nil is all.
    ///   - newestFirst: The one that was started last comes first.
    public func workflows(where filter: WorkflowFilter = .all, limit: Int? = nil, newestFirst: Bool = true) -> WorkflowList {
        WorkflowList(core: core, filter: filter, limit: limit, newestFirst: newestFirst)
    }

    /// The workflows that match a filter in the language of <doc:Filters>.
    ///
    /// - Throws: ``FilterError`` if the text is none.
    public func workflows(where text: String, limit: Int? = nil, newestFirst: Bool = true) throws(FilterError) -> WorkflowList {
        workflows(where: try WorkflowFilter(parsing: text), limit: limit, newestFirst: newestFirst)
    }

    /// How many workflows match a filter.
    ///
    /// - Parameters:
    ///   - filter: Which.
    ///   - limit: Counts no further: how many there are of millions may take long to say.
    public func count(where filter: WorkflowFilter = .all, upTo limit: Int = .max) async throws -> Int {
        try await core.store.count(filter, now: core.environment.clock.now(), upTo: limit)
    }

    /// How many workflows match a filter in the language of <doc:Filters>.
    ///
    /// - Throws: ``FilterError`` if the text is none; ``StoreError``.
    public func count(where text: String, upTo limit: Int = .max) async throws -> Int {
        try await count(where: try WorkflowFilter(parsing: text), upTo: limit)
    }
}
