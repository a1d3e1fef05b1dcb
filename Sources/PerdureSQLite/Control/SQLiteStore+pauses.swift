package import Perdure

// What is paused for all engines.
extension SQLiteStore {
    package func pauses(all: Bool) async throws(StoreError) -> [PauseRow] {
        try await reader.read { connection throws(StoreError) in try connection.pauses(all: all) }
    }

    package func pause(of subject: PauseSubject) async throws(StoreError) -> PauseRow? {
        try await reader.read { connection throws(StoreError) in try connection.pause(of: subject) }
    }

    package func put(_ row: PauseRow, over revision: Int64) async throws(StoreError) -> PauseRow? {
        try await writer.write { connection throws(StoreError) in try connection.put(row, over: revision) }
    }

    package func holders() async throws(StoreError) -> [Int64] {
        try await reader.read { connection throws(StoreError) in try connection.holders() }
    }

    package func wakeHeld(
        by number: Int64, after workflow: WorkflowNumber, limit: Int, most: Int
    ) async throws(StoreError) -> WakeReport {
        try await writer.write { connection throws(StoreError) in
            try connection.wakeHeld(by: number, after: workflow, limit: limit, most: most)
        }
    }
}
