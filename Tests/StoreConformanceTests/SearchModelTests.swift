internal import Perdure
internal import PerdureMemory
internal import Testing

/// Random workflows and random filters: every store finds what the in-memory store finds, in the same order.
@Suite(.timeLimit(.minutes(10))) struct SearchModelTests {
    @Test(arguments: StoreUnderTest.available.filter { $0 != .memory }, 1...3)
    func `all stores agree`(_ kind: StoreUnderTest, _ seed: Int) async throws {
        let world = SearchWorld(seed: UInt64(seed), count: 150)
        let model = try await Store.memory().open(StoreSettings())
        try await world.fill(model)
        try await withStore(kind) { fixture in
            try await world.fill(fixture.backend)
            var filters = RandomFilter(world: world, random: SeededRandom(state: UInt64(seed) &* 977))
            var (found, some) = (0, 0)
            for _ in 0..<250 {
                let filter = WorkflowFilter(filters.node())
                let request = SearchRequest(filter, now: world.now, limit: 1_000, newestFirst: Bool.random(using: &filters.random))
                let expected = try await model.search(request).map { Seen($0, now: world.now) }
                let actual = try await fixture.backend.search(request).map { Seen($0, now: world.now) }
                guard actual == expected else {
                    let (left, right) = (actual.map(\.record.number), expected.map(\.record.number))
                    let odd = Set(left).symmetricDifference(right).sorted()
                    Issue.record("seed \(seed): \(filter.node)\nfinds \(left.count) for \(right.count), odd: \(odd), now \(world.now)")
                    return
                }
                #expect(try await fixture.backend.count(filter, now: world.now, upTo: .max) == expected.count)
                found += expected.count
                if !expected.isEmpty, expected.count < 150 { some += 1 }
            }
            // Otherwise nothing is proved.
            #expect(found > 1_000 && some > 60, "\(found) \(some)")
        }
        await model.close()
    }
}
