public import Perdure

extension Store {
    /// Workflows in the memory of this process: for tests, and for what may be lost when the process ends.
    ///
    /// Engines and clients that are given the same `database` share it, also when each has a store of its own.
    public static func memory(_ database: MemoryDatabase = MemoryDatabase()) -> Store {
        Store(description: "memory") { _ in
            try database.perform(.open) { _, _ in }
            return MemoryStore(database)
        }
    }
}
