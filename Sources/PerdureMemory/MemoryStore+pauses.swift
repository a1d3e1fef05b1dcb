internal import Perdure

// What is paused for all engines.
extension MemoryStore {
    func pauses(all: Bool) async throws(StoreError) -> [PauseRow] {
        try database.perform(.pauses) { tables, _ in
            tables.pauses.values.filter { all || $0.ended == nil }.sorted { $0.number < $1.number }
        }
    }

    func pause(of subject: PauseSubject) async throws(StoreError) -> PauseRow? {
        try database.perform(.pauses) { tables, _ in tables.pauses[subject] }
    }

    func put(_ row: PauseRow, over revision: Int64) async throws(StoreError) -> PauseRow? {
        try database.perform(.putPause) { tables, _ in tables.put(row, over: revision) }
    }

    func holders() async throws(StoreError) -> [Int64] {
        try database.perform(.pauses) { tables, _ in tables.holders() }
    }

    func wakeHeld(
        by number: Int64, after workflow: WorkflowNumber, limit: Int, most: Int
    ) async throws(StoreError) -> WakeReport {
        try database.perform(.wakeHeld) { tables, _ in tables.wakeHeld(by: number, after: workflow, limit: limit, most: most) }
    }
}
