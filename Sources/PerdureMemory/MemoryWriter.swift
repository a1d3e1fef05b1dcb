internal import Perdure

/// A writer of batches, with a thread of its own unless the database was given an executor.
final class MemoryWriter: JournalWriter {
    private let database: MemoryDatabase
    private let owner: ExecutorID
    private let thread: ThreadExecutor?
    let executor: any TaskExecutor

    init(_ database: MemoryDatabase, index: Int, for owner: ExecutorID) {
        self.database = database
        self.owner = owner
        if let executor = database.executor {
            thread = nil
            self.executor = executor
        } else {
            let thread = ThreadExecutor(name: "pd-memory-\(index)")
            self.thread = thread
            executor = thread
        }
    }

    func commit(_ batch: [Command]) async throws(StoreError) -> [CommandResult] {
        try database.perform(.commit, by: owner, commands: batch) { tables, now throws(StoreError) in
            try tables.commit(batch, by: owner, now: now)
        }
    }

    func close() async { thread?.stop() }
}
