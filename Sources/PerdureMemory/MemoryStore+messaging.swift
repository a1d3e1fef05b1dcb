internal import Perdure

// What workflows have told the world, and what they are told.
extension MemoryStore {
    func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult] {
        try database.perform(.send) { tables, _ throws(StoreError) in
            for item in items { try Limits.check(item) }
            return items.map { tables.send($0) }
        }
    }

    func events(of number: WorkflowNumber) async throws(StoreError) -> [EventRecord] {
        // As `status`: a test may ask until something has happened.
        await Task.yield()
        return try database.perform(.events) { tables, _ in tables.events(of: number) }
    }

    func stream(
        _ name: String, of number: WorkflowNumber, from offset: Int64, limit: Int
    ) async throws(StoreError) -> [StreamRecord] {
        try database.perform(.stream) { tables, _ in tables.stream(name, of: number, from: offset, limit: limit) }
    }

    func streamEnds(of number: WorkflowNumber) async throws(StoreError) -> [String: StreamEnd] {
        try database.perform(.streamEnds) { tables, _ in tables.streamEnds(of: number) }
    }

    func firstRun(of number: WorkflowNumber) async throws(StoreError) -> WorkflowNumber {
        try database.perform(.firstRun) { tables, _ in tables.firstRun(of: number) }
    }

    func reply(to key: String, of request: String, by number: WorkflowNumber) async throws(StoreError) -> ReplyRecord? {
        try database.perform(.reply) { tables, _ in tables.replies[MessageKey(tables.firstRun(of: number), .request, request, key)]?.record
        }
    }
}

extension Limits {
    static func check(_ item: InboxItem) throws(StoreError) {
        if let topic = item.topic { try check(key: topic, "a topic") }
        if let key = item.key { try check(key: key, "the key of a message") }
    }
}
