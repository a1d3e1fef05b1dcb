// The queues of an engine: what is declared, what holds, and what items become.

extension Incarnation {
    /// Stores what the engine declares; what is said of a queue in the code that started last is what holds.
    func declareQueues() async throws(StoreError) {
        if queues.isEmpty { return }
        for before in try await store.declare(queues) {
            log(
                .warning,
                "queue '\(before.name)' was declared otherwise until now, and all engines follow the new declaration; before it was \(before.declared.text)"
            )
            guard before.declared.batchSize != nil, queues.contains(where: { $0.name == before.name && $0.batchSize == nil }) else {
                continue
            }
            let items = try await store.queueCounts(before.name).items
            if items == 0 { continue }
            log(
                .warning,
                "queue '\(before.name)' makes no batches any more, and \(items) items wait in it: declare it with `batch:` until they are gone"
            )
        }
    }

    /// The queues as they are now.
    func readQueues() async throws(StoreError) {
        if queues.isEmpty { return }
        let rows = try await store.queueRows(queues.map(\.name))
        knownQueues.withLock { $0 = rows.reduce(0) { $0 + $1.revision } }
        setLimited(Set(rows.filter(\.rules.isLimited).map(\.name)))
        dispatcher.withLock { $0.configure(rows) }
        let missing = Set(queues.map(\.name)).subtracting(rows.map(\.name))
        // Somebody has deleted their rows.
        if !missing.isEmpty { try await declareQueues() }
    }

    /// Makes workflows of items.
    func gather(_ now: Microseconds) async throws(StoreError) {
        // As the newest declaration says, whoever made it.
        let declared = dispatcher.withLock { dispatcher in queues.map { dispatcher.queues[$0.name]?.row?.declared ?? $0 } }
        let wishes = declared.compactMap { rules in
            rules.batchSize.map {
                BatchWish(queue: rules.name, size: $0, within: rules.batchWithin ?? 1_000_000, expiry: rules.expiry)
            }
        }
        if wishes.isEmpty { return }
        todo.withLock { $0.nextBatch = .max }
        let gathered = try await store.gather(wishes, by: id, now: now)
        if gathered.made > 0 { becameReady() }
        if let next = gathered.next { todo.withLock { $0.nextBatch = min($0.nextBatch, max(next, now + 1_000)) } }
    }
}
