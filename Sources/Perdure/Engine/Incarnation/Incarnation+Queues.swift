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
        let wishes = queues.compactMap { rules in
            rules.batchSize.map { BatchWish(queue: rules.name, size: $0, within: rules.batchWithin ?? 1_000_000) }
        }
        if wishes.isEmpty { return }
        todo.withLock { $0.nextBatch = .max }
        let gathered = try await store.gather(wishes, by: id, now: now)
        if gathered.made > 0 { becameReady() }
        if let next = gathered.next { todo.withLock { $0.nextBatch = min($0.nextBatch, max(next, now + 1_000)) } }
    }
}
