package import Perdure

// Queues, and what is in them.
extension SQLiteStore {
    package func declare(_ queues: [QueueRules]) async throws(StoreError) -> [QueueRow] {
        // Looks first: an engine that starts anew with the same code writes nothing.
        let isNew = try await reader.read { connection throws(StoreError) in
            for rules in queues where try connection.declaration(of: rules.name) != rules.text { return true }
            return false
        }
        if !isNew { return [] }
        return try await writer.write { [options] connection throws(StoreError) in
            var before: [QueueRow] = []
            for rules in queues {
                if let row = try connection.declare(rules, now: options.clock()) { before.append(row) }
            }
            return before
        }
    }

    package func queueRows(_ names: [String]?) async throws(StoreError) -> [QueueRow] {
        try await reader.read { [options] connection throws(StoreError) in try connection.rows(of: names, now: options.clock()) }
    }

    package func changeQueue(_ name: String, _ change: QueueChange) async throws(StoreError) -> QueueRow? {
        try await writer.write { [options] connection throws(StoreError) in
            try connection.change(name, change, now: options.clock())
        }
    }

    package func queueCounts(_ name: String) async throws(StoreError) -> QueueCounts {
        try await reader.read { [options] connection throws(StoreError) in try connection.counts(of: name, now: options.clock()) }
    }

    package func deadLetters(
        of queue: String?, after number: WorkflowNumber, limit: Int
    ) async throws(StoreError) -> [DeadLetterRecord] {
        try await reader.read { connection throws(StoreError) in try connection.deadLetters(of: queue, after: number, limit: limit) }
    }

    package func redrive(
        _ letters: [WorkflowNumber: WorkflowNumber], now: Microseconds
    ) async throws(StoreError) -> [WorkflowNumber] {
        if letters.isEmpty { return [] }
        return try await writer.write { connection throws(StoreError) in
            var redriven: [WorkflowNumber] = []
            for (old, new) in letters.sorted(by: { $0.key < $1.key }) {
                if try connection.redrive(old, as: new, now: now) { redriven.append(old) }
            }
            return redriven
        }
    }

    package func add(_ items: [BatchItem]) async throws(StoreError) {
        if items.isEmpty { return }
        try await writer.write { connection throws(StoreError) in try connection.add(items) }
    }

    package func gather(
        _ wishes: [BatchWish], by executor: ExecutorID, now: Microseconds
    ) async throws(StoreError) -> (made: Int, next: Microseconds?) {
        let first = try await reader.read { connection throws(StoreError) in
            var first: Microseconds?
            for group in try connection.itemGroups(wishes) {
                if let due = try connection.due(group) { first = min(first ?? .max, due) }
            }
            return first
        }
        guard let first, first <= now else { return (0, first) }
        return try await writer.write { [options] connection throws(StoreError) in
            try connection.fence(executor)
            var (made, next): (Int, Microseconds?) = (0, nil)
            for group in try connection.itemGroups(wishes) {
                while let due = try connection.due(group) {
                    if due > now {
                        next = min(next ?? .max, due)
                        break
                    }
                    try connection.make(of: group, now: now, time: options.clock())
                    made += 1
                }
            }
            return (made, next)
        }
    }
}
