internal import Perdure
internal import Testing

/// Random programs: every store shows what the in-memory store shows, after each of their operations.
@Suite(.timeLimit(.minutes(5))) struct RandomTests {
    @Test(arguments: StoreUnderTest.available, 1...20)
    func `a random program leaves the same behind on every store`(_ kind: StoreUnderTest, _ seed: Int) async throws {
        try await withStore(kind) { fixture in
            var program = try await RandomProgram(seed: UInt64(seed), subject: fixture.backend)
            for _ in 0..<100 { try await program.step() }
            await program.close()
        }
    }
}
