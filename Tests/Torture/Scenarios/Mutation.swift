import Foundation
import Perdure

/// The test of the tests: with the fence taken away, what is done to the others must be found.
final class Mutation: Scenario {
    /// A fence that is none.
    enum Mutant: String, CaseIterable {
        /// It lets everybody through.
        case open
        /// It looks, and does not lock: whoever is past it is not waited for.
        case unlocked

        var body: String {
            switch self {
            case .open: "RETURN pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn;"
            case .unlocked:
                """
                IF NOT EXISTS (SELECT FROM fences f WHERE f.executor = asking AND f.slot = at_slot) THEN
                    RAISE EXCEPTION 'executor % has lost its lease', asking USING ERRCODE = 'PD001';
                END IF;
                RETURN pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn;
                """
            }
        }

        /// Strikes that the whole fence withstands, and this one does not.
        func isFound(by experiment: Experiment) -> Bool {
            guard let strike = experiment.strike, strike.kind == .freeze else { return false }
            let statement = strike.boundary.statement
            switch self {
            case .open:
                return strike.place == .before
                    && (statement == "perdure_step_alone" || (experiment.isEarly && statement.hasPrefix("perdure_commit of")))
            case .unlocked:
                return strike.place == .after && experiment.isEarly
                    && ["perdure_step_alone", "perdure_fence of"].contains { statement.hasPrefix($0) }
            }
        }
    }

    let name = "mutation"
    var tally = Tally(full: Mutant.allCases.count)
    private let workshop: Workshop

    /// Of strikes at each mutant.
    private let limit: Int

    init(_ workshop: Workshop, limit: Int) {
        self.workshop = workshop
        self.limit = limit
    }

    func lap() async throws {
        let server = try await PostgresServer.make(name, in: workshop)
        for mutant in Mutant.allCases {
            var arenas: [Arena] = []
            for lane in 0..<6 {
                let arena = try await Arena(server, schema: "\(mutant)\(lane)")
                try await mutate(arena.place, mutant)
                arenas.append(arena)
            }
            let experiments = try await Boundaries.plan([.steps, .transactions], arenas).filter(mutant.isFound).prefix(limit)
            let findings = try await Boundaries.perform(Array(experiments), in: arenas, from: 1_000)
            for arena in arenas { await arena.close() }
            let found = findings.filter { !$0.violations.isEmpty || !$0.audit.isClean }
            tally.rounds += 1
            tally.workflows += findings.count
            tally.notes.append("the fence that is \(mutant) was found out by \(found.count) of \(experiments.count) strikes")
            tally.require(!found.isEmpty, "with a fence that is \(mutant) nothing was found: the experiments prove nothing")
        }
        await server.remove(workshop, after: tally)
    }

    func end() async {}

    private func mutate(_ place: Place, _ mutant: Mutant) async throws {
        _ = try await place.client.transaction(isolation: .readCommitted) { db in
            try await db.execute(
                """
                CREATE OR REPLACE FUNCTION \(identifier: place.schema).fence(asking int8, at_slot int4) RETURNS int8 LANGUAGE plpgsql
                SET search_path = \(identifier: place.schema) AS $mutant$
                BEGIN
                    \(unsafeRaw: mutant.body)
                END
                $mutant$
                """)
        }
    }
}
