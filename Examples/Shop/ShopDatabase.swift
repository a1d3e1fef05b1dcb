import Perdure
import PerdurePostgres
import PerdureSQLite

/// Where the shop keeps its own tables and, in the same database, its workflows.
struct ShopDatabase: Sendable {
    /// A path, or the URL of a Postgres server.
    let address: String

    var isPostgres: Bool { address.hasPrefix("postgres://") || address.hasPrefix("postgresql://") }

    var store: Store {
        // A transaction on SQLite holds the file's write lock, so it must be over well within the lease.
        isPostgres ? .postgres(address) : .sqlite(address, transactionLimit: .milliseconds(300))
    }

    /// A short lease: what a dead worker had goes on after a second.
    var configuration: EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.lease = .seconds(1)
        return configuration
    }

    func createTables(_ client: Client) async throws {
        try await client.transaction { db in
            try await db.execute("CREATE TABLE orders (id bigint PRIMARY KEY, item text NOT NULL, cents bigint NOT NULL)")
            // No unique key: it would hide a second payment.
            try await db.execute("CREATE TABLE payments (order_id bigint NOT NULL, charge_id text NOT NULL, cents bigint NOT NULL)")
        }
    }
}

// Every state of every workflow is in two views.
extension ShopDatabase {
    private var statusView: String { isPostgres ? "perdure.workflow_status" : "perdure_workflow_status" }
    private var stepsView: String { isPostgres ? "perdure.workflow_steps" : "perdure_workflow_steps" }

    /// The numbers of the orders whose checkout is completed.
    func finishedOrders(_ client: Client) async throws -> [Int] {
        let ids = try await client.transaction { db in
            try await db.query(
                "SELECT id FROM \(unsafeRaw: statusView) WHERE name = \(Checkout.name) AND state = 'completed'", as: String.self)
        }
        return ids.compactMap { Int($0.dropFirst("order-".count)) }
    }

    func parcels(_ client: Client) async throws -> Int {
        try await client.transaction { db in
            try await db.query(
                "SELECT count(*) FROM \(unsafeRaw: statusView) WHERE name = \(Ship.name) AND state = 'completed'", as: Int.self)[0]
        }
    }

    func invoices(_ client: Client) async throws -> Int {
        try await client.transaction { db in
            try await db.query(
                "SELECT count(*) FROM \(unsafeRaw: stepsView) WHERE key = 'invoice' AND state = 'completed'", as: Int.self)[0]
        }
    }

    struct Payment: Decodable, Sendable {
        var order: Int
        var charge: String
    }

    func payments(_ client: Client) async throws -> [Payment] {
        try await client.transaction { db in
            try await db.query("SELECT order_id AS \"order\", charge_id AS charge FROM payments", as: Payment.self)
        }
    }

    /// The one query that shows what a workflow did.
    func stepsQuery(of id: String) -> String {
        "SELECT ordinal, kind, key, state, attempts, duration_ms, output FROM \(stepsView) WHERE id = '\(id)' ORDER BY ordinal"
    }

    /// What to type to run a query by hand.
    func command(for query: String) -> [String] {
        isPostgres ? ["psql", address, "-c", query] : ["sqlite3", "-box", address, query]
    }
}
