import Foundation
import Perdure
import PerdurePostgres
import PerdureSQLite
import Testing

/// The stores that run SQL.
enum SQLStore: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sqlite, postgres

    var testDescription: String { rawValue }

    static let postgresURL = ProcessInfo.processInfo.environment["PERDURE_TEST_POSTGRES"]
    /// Without a server (`./run test` brings one) only SQLite.
    static var available: [SQLStore] { postgresURL == nil ? [.sqlite] : allCases }

    /// A fresh database, and the name under which its user keeps tables.
    func make() -> (store: Store, table: (String) -> String) {
        let name = "e\(UInt64.random(in: .min ... .max))"
        switch self {
        case .sqlite:
            let path = FileManager.default.temporaryDirectory.appending(path: "perdure-\(name).db").path()
            return (.sqlite(path), { $0 })
        case .postgres:
            // In the namespace's own schema, which goes with the test.
            return (.postgres(Self.postgresURL ?? "", schema: name), { "\(name).\($0)" })
        }
    }
}

extension EngineConfiguration {
    /// Ends at once, and is silent.
    static var test: EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.lease = .seconds(30)
        configuration.shutdownGrace = .milliseconds(100)
        configuration.log = { _, _ in }
        return configuration
    }
}
