internal import Perdure

extension MemoryStore {
    func search(_ request: SearchRequest) async throws(StoreError) -> [SummaryRecord] {
        try database.perform(.search) { tables, _ in tables.search(request) }
    }

    func count(_ filter: WorkflowFilter, now: Microseconds, upTo limit: Int) async throws(StoreError) -> Int {
        try database.perform(.count) { tables, _ in tables.count(filter, now: now, upTo: limit) }
    }
}
