import CSQLite
import Foundation

/// What this machine and this server reach without Perdure, with rows of the same shape; measured in the same run.
struct Yardsticks {
    let postgres: String?
    let folder: URL

    enum Failure: Error { case pgbench(String), sqlite(String) }

    /// Rows per second that `pgbench` inserts into a table like `steps`, `rows` for each commit.
    func postgresRows(perCommit rows: Int, clients: Int) throws -> Double {
        try pgbench(rows: rows, clients: clients) * Double(rows)
    }

    /// Seconds that `pgbench` needs for one single-row INSERT with its commit.
    func postgresSecondsPerInsert() throws -> Double { 1 / (try pgbench(rows: 1, clients: 1)) }

    /// Rows per second that `pgbench` takes from a table of nothing else with the usual `SKIP LOCKED` query, `rows` for each commit.
    func postgresDequeue(perCommit rows: Int, clients: Int) throws -> Double {
        try psql(
            "DROP TABLE IF EXISTS perdure_yardstick", "CREATE TABLE perdure_yardstick (id int8 PRIMARY KEY, payload bytea)",
            "INSERT INTO perdure_yardstick SELECT n, '\\x7b7d' FROM generate_series(1, 400000) n", "VACUUM ANALYZE perdure_yardstick",
            "CHECKPOINT")
        let statement = """
            DELETE FROM perdure_yardstick WHERE id = ANY(ARRAY(SELECT id FROM perdure_yardstick ORDER BY id LIMIT \(rows)
                FOR UPDATE SKIP LOCKED)) RETURNING id, payload;
            """.replacing("\n", with: " ")
        return try pgbench("dequeue-\(rows)", statement, count: 200_000 / rows / clients, clients: clients) * Double(rows)
    }

    private func pgbench(rows: Int, clients: Int) throws -> Double {
        try psql("DROP TABLE IF EXISTS perdure_yardstick", Self.table)
        // A number of transactions, not a time: a child of `Process` does not get the signal by which pgbench ends after a time.
        let count = rows == 1 ? 10_000 : 200_000 / rows / clients
        return try pgbench("insert-\(rows)", Self.insert(rows), count: count, clients: clients)
    }

    /// Transactions per second.
    private func pgbench(_ name: String, _ statement: String, count: Int, clients: Int) throws -> Double {
        guard let postgres else { throw Failure.pgbench("no server: run the benches with `./run bench`") }
        let script = folder.appending(path: "\(name).sql")
        try statement.write(to: script, atomically: true, encoding: .utf8)
        let output = try run(
            "pgbench", ["-n", "-M", "prepared", "-c", "\(clients)", "-j", "1", "-t", "\(count)", "-f", script.path(), postgres])
        guard let line = output.split(separator: "\n").first(where: { $0.hasPrefix("tps = ") }),
            let tps = Double(line.dropFirst(6).prefix { $0 != " " })
        else { throw Failure.pgbench(output) }
        return tps
    }

    private static let table = """
        CREATE TABLE perdure_yardstick (workflow int8, key text, ord int8, kind int2, output bytea, output_codec int2, error bytea,
            error_codec int2, started int8, finished int8, attempts int4, PRIMARY KEY (workflow, key));
        """

    /// A random workflow number for each row, which is what the primary key of `steps` costs at least.
    private static func insert(_ rows: Int) -> String {
        """
        INSERT INTO perdure_yardstick SELECT (random() * 9e18)::int8, 'charge card', n, 1,
            '\\x7b226964223a312c22616d6f756e74223a312c226e616d65223a226120637573746f6d6572206f66207468652073686f70227d', 1, NULL, NULL, 1, 1, 1
        FROM generate_series(1, \(rows)) n;
        """
    }

    /// Statements of the bench's own, each in a transaction; what the last one says, as text.
    @discardableResult
    func psql(_ statements: String...) throws -> String {
        guard let postgres else { throw Failure.pgbench("no server: run the benches with `./run bench`") }
        let output = try run("psql", ["-qAtX", "-v", "ON_ERROR_STOP=1", "-d", postgres] + statements.flatMap { ["-c", $0] })
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Drops what a round has left and flushes the server, so that the next does not pay for its vacuum and its checkpoint.
    func clear(_ schema: String) throws {
        guard let postgres else { return }
        _ = try run("psql", ["-qX", "-d", postgres, "-c", "DROP SCHEMA IF EXISTS \"\(schema)\" CASCADE", "-c", "CHECKPOINT"])
    }

    /// Rows per second of a bare loop over sqlite3, `rows` for each commit, in the same mode (WAL, synchronous FULL).
    func sqliteRows(perCommit rows: Int, seconds: Double) throws -> Double {
        let path = folder.appending(path: "yardstick-\(UInt32.random(in: 0 ... .max)).db").path()
        var handle: OpaquePointer?
        guard unsafe sqlite3_open(path, &handle) == SQLITE_OK else { throw Failure.sqlite("cannot open \(path)") }
        defer { unsafe sqlite3_close(handle) }
        for statement in [
            "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
            """
            CREATE TABLE steps (workflow INTEGER NOT NULL, key TEXT NOT NULL, ord INTEGER, kind INTEGER, output BLOB, output_codec INTEGER,
                error BLOB, error_codec INTEGER, started INTEGER, finished INTEGER, attempts INTEGER, PRIMARY KEY (workflow, key))
                STRICT, WITHOUT ROWID
            """,
        ] { guard unsafe sqlite3_exec(handle, statement, nil, nil, nil) == SQLITE_OK else { throw Failure.sqlite(statement) } }
        var insert: OpaquePointer?
        let text = "INSERT INTO steps VALUES (?1, 'charge card', 1, 1, ?2, 1, NULL, NULL, 1, 1, 1)"
        guard unsafe sqlite3_prepare_v2(handle, text, -1, &insert, nil) == SQLITE_OK else { throw Failure.sqlite(text) }
        defer { unsafe sqlite3_finalize(insert) }
        let payload = Array("{\"id\":1,\"amount\":1,\"name\":\"a customer of the shop\"}".utf8)
        var count = 0
        let start = ContinuousClock.now
        while start.duration(to: .now) < .seconds(seconds) {
            unsafe sqlite3_exec(handle, "BEGIN IMMEDIATE", nil, nil, nil)
            for _ in 0..<rows {
                count += 1
                unsafe sqlite3_bind_int64(insert, 1, Int64(count))
                _ = unsafe payload.withUnsafeBytes { unsafe sqlite3_bind_blob(insert, 2, $0.baseAddress, Int32($0.count), nil) }
                guard unsafe sqlite3_step(insert) == SQLITE_DONE else { throw Failure.sqlite("insert") }
                unsafe sqlite3_reset(insert)
            }
            guard unsafe sqlite3_exec(handle, "COMMIT", nil, nil, nil) == SQLITE_OK else { throw Failure.sqlite("commit") }
        }
        let elapsed = start.duration(to: .now).components
        return Double(count) / (Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18)
    }

    /// Runs a program of the system; its output.
    private func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure.pgbench("\(program) failed: \(output)") }
        return output
    }
}
