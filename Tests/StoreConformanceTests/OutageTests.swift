internal import Foundation
internal import Perdure
internal import PerdureMemory
internal import PerdureSQLite
internal import Testing

/// What the end of an outage, and a clock that is set, do to leases.
@Suite(.timeLimit(.minutes(10))) struct OutageTests {
    /// The lease was not over, but nearly: whoever else was not heard meanwhile is not to blame.
    @Test(arguments: StoreUnderTest.available)
    func `after a silence of more than half a lease nothing is taken from others`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let terms = LeaseTerms(lease: .seconds(2))
            let reaper = try await fixture.executor(lease: .seconds(2))
            // Its lease ends while the reaper is silent.
            let other = try await fixture.executor(lease: .milliseconds(2_500))
            let number = try await fixture.owned(by: other)
            for _ in 0..<11 {
                try await Task.sleep(for: .milliseconds(100))
                try await fixture.backend.renew(reaper.id, terms)
            }
            try await Task.sleep(for: .milliseconds(1_500))
            try await fixture.backend.renew(reaper.id, terms)
            #expect(try await fixture.backend.reap(ReapRules(limit: 9, reaper: reaper.id)) == ReapReport())
            #expect(try await fixture.status(number).executor == other.id)
            // Later, when it has lived for a lease again, it may.
            try await eventually("the dead one is missed") {
                try await fixture.backend.renew(reaper.id, terms)
                return try await fixture.backend.reap(ReapRules(limit: 9, reaper: reaper.id)).executors == [other.id]
            }
        }
    }

    /// The stores whose clock a test can set; Postgres has a test of its own.
    enum Clocked: CaseIterable { case memory, sqlite }

    private func withClocked(_ kind: Clocked, _ body: (any StoreBackend, Lock<Microseconds>) async throws -> Void) async throws {
        let time = Lock<Microseconds>(1_800_000_000_000_000)
        let path = FileManager.default.temporaryDirectory.appending(path: "perdure-\(UInt64.random(in: .min ... .max)).db").path()
        let store: any StoreBackend
        switch kind {
        case .memory: store = try await Store.memory(MemoryDatabase(now: { time.withLock { $0 } })).open(StoreSettings())
        case .sqlite:
            var options = SQLiteOptions()
            options.clock = { time.withLock { $0 } }
            store = try await SQLiteStore.open(path, options: options, settings: StoreSettings())
        }
        try await body(store, time)
        await store.close()
        for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) }
    }

    @Test(arguments: Clocked.allCases)
    func `the dead are missed although the clock was set back`(_ kind: Clocked) async throws {
        try await withClocked(kind) { store, time in
            let terms = LeaseTerms(lease: .seconds(10))
            try await store.register(1, label: "alive", lease: .seconds(10))
            try await store.register(2, label: "dead", lease: .seconds(10))
            #expect(try await store.lead(.tidying, 2, for: .seconds(180)))
            time.withLock { $0 -= 3_600_000_000 }
            // It is itself alive from now on, and looks when it may.
            #expect(try await store.renew(1, terms) == .seconds(10))
            for _ in 0..<5 {
                time.withLock { $0 += 2_000_000 }
                _ = try await store.renew(1, terms)
            }
            #expect(try await store.renew(1, terms) == .zero)
            #expect(try await store.reap(ReapRules(limit: 9, reaper: 1)) == ReapReport())
            #expect(try await store.renew(1, terms) == .seconds(10))
            #expect(try await store.lead(.tidying, 1, for: .seconds(180)))
            for _ in 0..<5 {
                time.withLock { $0 += 2_000_001 }
                _ = try await store.renew(1, terms)
            }
            #expect(try await store.reap(ReapRules(limit: 9, reaper: 1)).executors == [2])
        }
    }
}
