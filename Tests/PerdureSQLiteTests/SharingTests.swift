internal import Perdure
internal import PerdureSQLite
internal import Testing

/// Several stores, and several processes, on one file.
@Suite(.timeLimit(.minutes(1))) struct SharingTests {
    private func withTwo(_ body: (SQLiteStore, SQLiteStore, Scratch) async throws -> Void) async throws {
        try await withStore { first, scratch in
            let second = try await SQLiteStore.open(scratch.file, options: SQLiteOptions(), settings: StoreSettings())
            do { try await body(first, second, scratch) } catch {
                await second.close()
                throw error
            }
            await second.close()
        }
    }

    @Test func `what one writes the other reads and claims`() async throws {
        try await withTwo { first, second, _ in
            let writer = try await first.registered(1)
            _ = try await second.registered(2)
            _ = try await writer.commit([.start(workflow(10)), .release(10)])
            let claimed = try await second.claimer(for: 2).claimReady(Repertoire(workflows: ["Checkout"], versions: ["1"]), limit: 9)
            #expect(claimed == [Claimed(number: 10)])
            #expect(try await first.claimer(for: 1).owned().isEmpty)
        }
    }

    @Test func `a transaction of one makes the other wait, not fail`() async throws {
        try await withTwo { first, second, _ in
            let transaction = try await first.begin(.serializable, for: nil)
            async let block = second.numberBlock()
            _ = try await transaction.execute("CREATE TABLE stock (sku TEXT)")
            _ = try await transaction.commit(nil, hadPending: false)
            _ = try await block
        }
    }

    @Test func `both write at once`() async throws {
        try await withTwo { first, second, _ in
            let stores = [first, second]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, store) in stores.enumerated() {
                    group.addTask {
                        let writer = try await store.registered(ExecutorID(index + 1))
                        for number in 0..<100 { _ = try await writer.commit([.start(workflow(Int64(number * 2 + index + 1)))]) }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await first.load(Array(1...200), limit: 1).count == 200)
        }
    }

    @Test func `a hint reaches every opener in this process`() async throws {
        try await withTwo { first, second, _ in
            let signal = Signal()
            let subscription = try await second.listen { if $0 == .ended([5]) { signal.fire() } }
            await first.notify([.ready, .ended([5])])
            #expect(signal.count == 1)
            await subscription.cancel()
            await first.notify([.ended([5])])
            #expect(signal.count == 1)
        }
    }

    @Test func `what another process writes is noticed`() async throws {
        var options = SQLiteOptions()
        options.watchInterval = .milliseconds(1)
        try await withStore(options) { store, scratch in
            let stranger = try Stranger(scratch.file)
            for _ in 0..<3 {
                let signal = Signal()
                let subscription = try await store.listen { if $0 == .everything { signal.fire() } }
                // Its own commit before and after does not hide it.
                _ = try await store.numberBlock()
                try stranger.run("CREATE TABLE IF NOT EXISTS other (id); INSERT INTO other VALUES (1)")
                _ = try await store.numberBlock()
                await signal.wait()
                await subscription.cancel()
            }
        }
    }

    @Test func `its own commits wake nobody`() async throws {
        var options = SQLiteOptions()
        options.watchInterval = .milliseconds(1)
        try await withStore(options) { store, scratch in
            let stranger = try Stranger(scratch.file)
            let (own, foreign) = (Signal(), Signal())
            let expectsForeign = Lock(false)
            let subscription = try await store.listen { _ in
                if expectsForeign.withLock({ $0 }) { foreign.fire() } else { own.fire() }
            }
            for _ in 0..<200 { _ = try await store.numberBlock() }
            expectsForeign.withLock { $0 = true }
            try stranger.run("CREATE TABLE other (id)")
            await foreign.wait()
            #expect(own.count == 0)
            await subscription.cancel()
        }
    }

    @Test func `a commit renews the lease now and then`() async throws {
        let time = Lock<Microseconds>(1_800_000_000_000_000)
        var options = SQLiteOptions()
        options.clock = { time.withLock { $0 } }
        try await withStore(options) { store, scratch in
            let writer = try await store.registered(7, lease: .seconds(10))
            let stranger = try Stranger(scratch.file)
            let lease = { try stranger.value("SELECT lease_until - 1800000000000000 FROM perdure_executors") }
            time.withLock { $0 += 1_900_000 }
            _ = try await writer.commit([.start(workflow(1))])
            #expect(try lease() == "10000000")
            time.withLock { $0 += 100_000 }
            _ = try await writer.commit([.start(workflow(2))])
            #expect(try lease() == "12000000")
            time.withLock { $0 += 9_999_999 }
            #expect(try await store.reap(limit: 9) == ReapReport())
            time.withLock { $0 += 2 }
            #expect(try await store.reap(limit: 1) == ReapReport(executors: [7], returned: 1, more: true))
            #expect(try await store.reap(limit: 9) == ReapReport(returned: 1))
            let error = await #expect(throws: StoreError.self) { _ = try await writer.commit([]) }
            #expect(error?.code == .fenced)
        }
    }
}
