/// What is asked when something is enqueued, checked.
struct EnqueueRequest: Sendable {
    let name: String
    let queue: Queue
    let options: EnqueueOptions

    init(name: String, queue: Queue, options: EnqueueOptions, isBatch: Bool = false) throws(WorkflowError) {
        (self.name, self.queue, self.options) = (name, queue, options)
        try queue.check()
        try Names.check(name, "the name of a workflow")
        try checkNames()
        try checkTimes()
        if isBatch {
            try checkItem()
        } else if queue.batch != nil {
            throw WorkflowError(
                .invalidDeclaration, "queue '\(queue.name)' makes batches: give it items, with `enqueue(_:item:on:)`")
        }
    }

    private func checkNames() throws(WorkflowError) {
        if !options.key.isEmpty { try Names.check(options.key, "the key of workflow '\(name)' in queue '\(queue.name)'") }
        if let version = options.version, !version.isEmpty { try Names.check(version, "the version of a workflow") }
        guard (0...9).contains(options.priority) else {
            throw WorkflowError(.invalidDeclaration, "the priority \(options.priority) is not one of 0 to 9, of which 0 goes first")
        }
        if let deduplication = options.deduplication { try Names.check(deduplication.key, "a deduplication key of queue '\(queue.name)'") }
        if let debounce = options.debounce { try Names.check(debounce.key, "a debounce key of queue '\(queue.name)'") }
        let count = [options.deduplication != nil, options.debounce != nil, queue.singleton != nil].count { $0 }
        if count > 1 {
            throw WorkflowError(
                .invalidDeclaration,
                "a singleton, a deduplication and a debounce are three ways to keep others out of queue '\(queue.name)': choose one")
        }
        if queue.slots == .untilEnd, queue.limits.perKey == 1, options.priority != 0, queue.whenFull == .wait {
            throw WorkflowError(
                .invalidDeclaration,
                "queue '\(queue.name)' runs a key's workflows in their order, which a priority would change: leave it out")
        }
    }

    private func checkTimes() throws(WorkflowError) {
        for (what, duration) in [("expiry", options.expiry), ("timeout", options.timeout)] {
            if let duration, duration <= .zero {
                throw WorkflowError(
                    .invalidDeclaration, "the \(what) of workflow '\(name)' is \(duration): it would be over before it begins")
            }
        }
        if let debounce = options.debounce {
            guard debounce.period > .zero, debounce.maximumWait.map({ $0 >= debounce.period }) ?? true else {
                throw WorkflowError(
                    .invalidDeclaration, "a debounce waits for a period above zero, and for at least that as its maximum: \(debounce)")
            }
            guard options.delay == nil else {
                throw WorkflowError(.invalidDeclaration, "a debounce is a delay of its own: leave `delay:` out")
            }
        }
    }

    private func checkItem() throws(WorkflowError) {
        guard queue.batch != nil else {
            throw WorkflowError(
                .invalidDeclaration, "queue '\(queue.name)' makes no batches: declare it with `batch:`, or enqueue a workflow")
        }
        guard options.delay == nil, options.expiry == nil, options.deduplication == nil, options.debounce == nil, options.timeout == nil
        else {
            throw WorkflowError(.invalidDeclaration, "an item of a batch has a key and a priority, and no other options")
        }
    }

    func lane(_ version: String) -> Lane {
        Lane(
            queue: queue.name, key: options.key, priority: Int16(options.priority), workflow: name, version: options.version ?? version)
    }

    /// The id and the keys that keep others out.
    var policies: IDPolicies {
        var deduplication = options.deduplication.map { StoredDeduplication(key: $0.key, policy: $0.policy) }
        if let policy = queue.singleton {
            deduplication = StoredDeduplication(key: StoredDeduplication.singletonKey(options.key), policy: policy)
        }
        if let debounce = options.debounce {
            deduplication = StoredDeduplication(
                key: "@debounce:" + debounce.key, policy: .replace, isDebounced: true, maximumWait: debounce.maximumWait)
        }
        return IDPolicies(conflict: options.conflictPolicy, reuse: options.reusePolicy, deduplication: deduplication)
    }

    func record(
        _ input: EncodedPayload, id: String?, _ core: ClientCore, _ transaction: Transaction?, now: Microseconds? = nil
    ) async throws -> WorkflowRecord {
        if let id {
            try Names.check(id, "the id of a workflow")
            guard policies.deduplication == nil else {
                throw WorkflowError(.invalidDeclaration, "an id keeps others out already: leave out the deduplication of workflow '\(id)'")
            }
        }
        let now = now ?? core.environment.clock.now()
        let attributes = try SearchAttribute.stored(options.attributes)
        let due = (options.debounce?.period ?? options.delay).flatMap { $0 > .zero ? now.adding($0) : nil }
        return WorkflowRecord(
            number: try await core.number(in: transaction), id: id, lane: lane(core.version), input: input, attributes: attributes,
            created: now, due: due, deadline: options.timeout.map { (due ?? now).adding($0) },
            expires: (options.expiry ?? queue.expiry).map { (due ?? now).adding($0) })
    }
}
