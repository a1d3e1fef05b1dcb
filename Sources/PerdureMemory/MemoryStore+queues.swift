internal import Perdure

// Queues, and what is in them.
extension MemoryStore {
    func declare(_ queues: [QueueRules]) async throws(StoreError) -> [QueueRow] {
        try database.perform(.declare) { tables, now in tables.declare(queues, now: now) }
    }

    func queueRows(_ names: [String]?) async throws(StoreError) -> [QueueRow] {
        try database.perform(.queueRows) { tables, now in tables.rows(of: names, now: now) }
    }

    func changeQueue(_ name: String, _ change: QueueChange) async throws(StoreError) -> QueueRow? {
        try database.perform(.changeQueue) { tables, now throws(StoreError) in try tables.changeQueue(name, change, now: now) }
    }

    func queueCounts(_ name: String) async throws(StoreError) -> QueueCounts {
        try database.perform(.queueCounts) { tables, now in tables.counts(of: name, now: now) }
    }

    func deadLetters(of queue: String?, after number: WorkflowNumber, limit: Int) async throws(StoreError) -> [DeadLetterRecord] {
        try database.perform(.deadLetters) { tables, _ in tables.deadLetters(of: queue, after: number, limit: limit) }
    }

    func redrive(_ letters: [WorkflowNumber: WorkflowNumber], now: Microseconds) async throws(StoreError) -> [WorkflowNumber] {
        try database.perform(.redrive) { tables, _ throws(StoreError) in try tables.redrive(letters, now: now) }
    }

    func add(_ items: [BatchItem]) async throws(StoreError) {
        try database.perform(.addItems) { tables, _ throws(StoreError) in try tables.add(items) }
    }

    func gather(
        _ wishes: [BatchWish], by executor: ExecutorID, now: Microseconds
    ) async throws(StoreError) -> (made: Int, next: Microseconds?) {
        try database.perform(.gather, by: executor) { tables, time throws(StoreError) in
            try tables.gather(wishes, by: executor, now: now, time: time)
        }
    }
}
