/// Gathers starts: while one transaction is in flight the next batch collects, as in the journal.
///
/// The first caller that finds nobody at work leads: it commits what waits, and hands over to the next when its own start is done.
package final class StartBatcher: Sendable {
    private static let limit = 500

    fileprivate enum Turn {
        case done(Result<StartResult, StoreError>)
        case lead
    }

    fileprivate struct Entry {
        var id: UInt64
        var record: WorkflowRecord
        var policies: IDPolicies
        var isOwned: Bool
        var parked: Parked<Turn>?
    }

    fileprivate struct State {
        var entries: [Entry] = []
        var results: [UInt64: Result<StartResult, StoreError>] = [:]
        /// Parked while their batch is being committed.
        var inFlight: [UInt64: Parked<Turn>] = [:]
        var isLed = false
        var nextID: UInt64 = 0
    }

    private let state = Lock(State())
    private let store: any StoreBackend
    private let owner: ExecutorID?

    init(store: any StoreBackend, owner: ExecutorID?) {
        self.store = store
        self.owner = owner
    }

    /// Owned by the executor of this batcher, if it has one.
    func start(_ record: WorkflowRecord, _ policies: IDPolicies) async throws(StoreError) -> StartResult {
        try await enqueue(record, policies, isOwned: owner != nil)
    }

    /// Ready for whoever serves it.
    func startReady(_ record: WorkflowRecord, _ policies: IDPolicies) async throws(StoreError) -> StartResult {
        try await enqueue(record, policies, isOwned: false)
    }

    private func enqueue(_ record: WorkflowRecord, _ policies: IDPolicies, isOwned: Bool) async throws(StoreError) -> StartResult {
        let (id, leads) = state.withLock { state in
            state.nextID += 1
            state.entries.append(Entry(id: state.nextID, record: record, policies: policies, isOwned: isOwned))
            defer { state.isLed = true }
            return (state.nextID, !state.isLed)
        }
        if leads { return try await lead(id).get() }
        switch await turn(of: id) {
        case .done(let result): return try result.get()
        case .lead: return try await lead(id).get()
        }
    }

    private func turn(of id: UInt64) async -> Turn {
        await park { (parked: Parked<Turn>) in
            let turn: Turn? = state.withLock { state in
                if let result = state.results.removeValue(forKey: id) { return .done(result) }
                if let index = state.entries.firstIndex(where: { $0.id == id }) {
                    state.entries[index].parked = parked
                    if !state.isLed {
                        state.isLed = true
                        return .lead
                    }
                } else {
                    state.inFlight[id] = parked
                }
                return nil
            }
            if let turn { parked.resume(returning: turn) }
        }
    }

    /// Commits batches until this start is in one; then the next in line leads.
    private func lead(_ id: UInt64) async -> Result<StartResult, StoreError> {
        while true {
            let batch = state.withLock { $0.take(Self.limit) }
            let results = await commit(batch)
            let (own, wake, next) = state.withLock { $0.deliver(batch, results, own: id) }
            for (parked, result) in wake { parked.resume(returning: .done(result)) }
            if let own {
                next?.resume(returning: .lead)
                return own
            }
        }
    }

    private func commit(_ batch: [Entry]) async -> [Result<StartResult, StoreError>] {
        var results: [UInt64: Result<StartResult, StoreError>] = [:]
        for isOwned in [true, false] {
            let part = batch.filter { $0.isOwned == isOwned }
            if part.isEmpty { continue }
            do throws(StoreError) {
                let started = try await store.start(part.map { ($0.record, $0.policies) }, by: owner, isOwned: isOwned)
                for (entry, result) in zip(part, started) { results[entry.id] = .success(result) }
            } catch {
                for entry in part { results[entry.id] = .failure(error) }
            }
        }
        return batch.map { results[$0.id] ?? .failure(StoreError(.rejected, "the store did not answer")) }
    }
}

extension StartBatcher.State {
    fileprivate mutating func take(_ limit: Int) -> [StartBatcher.Entry] {
        let batch = Array(entries.prefix(limit))
        entries.removeFirst(batch.count)
        for entry in batch where entry.parked != nil { inFlight[entry.id] = entry.parked }
        return batch
    }

    /// The leader's own result, those to wake with theirs, and who leads next if the leader is done.
    fileprivate mutating func deliver(
        _ batch: [StartBatcher.Entry], _ answers: [Result<StartResult, StoreError>], own: UInt64
    ) -> (
        own: Result<StartResult, StoreError>?, wake: [(Parked<StartBatcher.Turn>, Result<StartResult, StoreError>)],
        next: Parked<StartBatcher.Turn>?
    ) {
        var mine: Result<StartResult, StoreError>?
        var wake: [(Parked<StartBatcher.Turn>, Result<StartResult, StoreError>)] = []
        for (entry, answer) in zip(batch, answers) {
            if entry.id == own {
                mine = answer
                inFlight[own] = nil
            } else if let parked = inFlight.removeValue(forKey: entry.id) {
                wake.append((parked, answer))
            } else {
                results[entry.id] = answer
            }
        }
        guard mine != nil else { return (nil, wake, nil) }
        guard let next = entries.first(where: { $0.parked != nil })?.parked else {
            // Whoever has not parked yet finds that nobody leads.
            isLed = false
            return (mine, wake, nil)
        }
        return (mine, wake, next)
    }
}
