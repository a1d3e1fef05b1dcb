import Foundation
import Perdure
import PerdurePostgres

/// Statements per second that the server gets from an engine that has nothing to do, over a little more than a minute: what comes once a
/// minute is in it.
///
/// Counted by the server (`pg_stat_statements`), `BEGIN`, `COMMIT` and `SET` included, in a database of the engine's own.
func statementsOfAnIdleEngine(_ url: String, _ yardsticks: Yardsticks) async throws -> Double {
    let name = "perdure_idle"
    try yardsticks.psql(
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "DROP DATABASE IF EXISTS \(name) WITH (FORCE)", "CREATE DATABASE \(name)",
        "ALTER DATABASE \(name) SET pg_stat_statements.track = 'top'")
    let store = Store.postgres(url + (url.contains("?") ? "&" : "?") + "dbname=\(name)")
    var rate = 0.0
    try await withEngine(store) {
        TenSteps()
        ManySteps()
        Sleeper()
    } _: { _ in
        // What is done once, at the beginning, is not what an idle engine does.
        try await Task.sleep(for: .seconds(7))
        try yardsticks.psql("SELECT pg_stat_statements_reset()")
        let elapsed = try await seconds { try await Task.sleep(for: .seconds(65)) }
        let count = try yardsticks.psql(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = '\(name)')")
        guard let count = Double(count) else { throw Yardsticks.Failure.pgbench("no number of statements: \(count)") }
        rate = count / elapsed
    }
    try yardsticks.psql("DROP DATABASE \(name) WITH (FORCE)")
    return rate
}
