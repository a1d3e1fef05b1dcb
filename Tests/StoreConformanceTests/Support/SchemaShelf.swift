internal import Foundation
internal import Perdure
internal import PerdurePostgres
internal import Testing

/// Schemas that tests have left empty again: to make one takes a quarter of a second, to empty one a hundredth.
///
/// Only on a server that is thrown away afterwards: nobody else wants to find them.
enum SchemaShelf {
    private struct State {
        var clean: [String] = []
        /// How many relations an untouched schema has.
        var relations: Int?
    }

    private static let state = Lock(State())
    private static let isUsed = ProcessInfo.processInfo.environment["PERDURE_TEST_PRIVATE"] != nil

    /// Of a schema that is empty, or is not there yet.
    static func take(isNew: Bool) -> String {
        (isNew ? nil : state.withLock { $0.clean.popLast() }) ?? "t\(UInt64.random(in: .min ... .max))"
    }

    /// Leaves nothing behind that the next test would see.
    static func putBack(_ name: String, _ backend: any StoreBackend) async throws {
        let transaction = try await backend.begin(.readCommitted, for: nil)
        let relations = try await relations(name, transaction)
        let isUntouched = state.withLock { state in
            state.relations = min(relations, state.relations ?? .max)
            return state.relations == relations
        }
        let isKept = isUsed && isUntouched
        _ = try await transaction.execute(isKept ? emptying(name) : "DROP SCHEMA \(identifier: name) CASCADE")
        _ = try await transaction.commit(nil, hadPending: false)
        if isKept { state.withLock { $0.clean.append(name) } }
    }

    private static func relations(_ name: String, _ transaction: any OpenTransaction) async throws -> Int {
        let rows = try await transaction.query(
            "SELECT count(*) FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = \(name))")
        guard case .int(let count) = rows.rows.first?.first else { throw Unreadable() }
        return Int(count)
    }

    private struct Unreadable: Error {}

    private static func emptying(_ name: String) -> SQL {
        """
        DO $$
        DECLARE
            relation record;
        BEGIN
            FOR relation IN SELECT oid::regclass AS name, relkind FROM pg_class
                WHERE relnamespace = '\(unsafeRaw: name)'::regnamespace AND relkind IN ('r', 'S') AND relname <> 'meta' LOOP
                IF relation.relkind = 'S' THEN
                    PERFORM setval(relation.name, (SELECT seqstart FROM pg_sequence WHERE seqrelid = relation.name), false);
                ELSE
                    EXECUTE format('DELETE FROM %s', relation.name);
                END IF;
            END LOOP;
        END
        $$
        """
    }
}
