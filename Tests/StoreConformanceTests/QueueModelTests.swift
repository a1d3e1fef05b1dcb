internal import Foundation
internal import Perdure
internal import Testing

/// Random lives of queues: whatever happens, in whatever order, no promise is broken.
@Suite(.timeLimit(.minutes(60))) struct QueueModelTests {
    /// More of them, to look for more: PERDURE_TEST_SEEDS.
    private static let seeds = ProcessInfo.processInfo.environment["PERDURE_TEST_SEEDS"].flatMap { Int($0) }

    @Test(arguments: StoreUnderTest.available, 1...(seeds ?? 50))
    func `limits, orders and keys hold, and everything ends`(_ kind: StoreUnderTest, _ seed: Int) async throws {
        // Each is some thousand round trips.
        let most: [StoreUnderTest: Int] = [.memory: 50, .sqlite: 8, .postgres: 3]
        guard Self.seeds != nil || seed <= most[kind] ?? 0 else { return }
        try await withStore(kind) { fixture in
            var program = try await QueueProgram(seed: UInt64(seed), fixture)
            for _ in 0..<150 { try await program.step() }
            try await program.drain()
        }
    }
}
