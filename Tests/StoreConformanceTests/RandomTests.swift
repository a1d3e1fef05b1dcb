internal import Perdure
internal import Testing

/// Random programs: every store shows what the in-memory store shows, after each of their operations.
@Suite(.timeLimit(.minutes(10))) struct RandomTests {
    @Test(arguments: StoreUnderTest.available, 1...20)
    func `a random program leaves the same behind on every store`(_ kind: StoreUnderTest, _ seed: Int) async throws {
        // Thousands of round trips: a server is asked for a few of them only.
        guard kind != .postgres || seed <= 4 else { return }
        try await withStore(kind) { fixture in
            var program = try await RandomProgram(seed: UInt64(seed), subject: fixture.backend)
            for _ in 0..<(kind == .postgres ? 40 : 100) { try await program.step() }
            await program.close()
        }
    }
}
