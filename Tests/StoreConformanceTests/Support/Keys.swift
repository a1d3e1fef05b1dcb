internal import Perdure

enum Keys {
    /// Texts that some stores cannot take: with a NUL, and too long for an index even if compressed.
    static let poison = ["nul\0inside", random(20_000)]

    /// Random letters, which no compression makes shorter.
    static func random(_ length: Int) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return String(
            (0..<length).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return letters[Int(state % 64)]
            })
    }
}

extension StoreUnderTest {
    /// Whether a step under this key is refused; if not it must have been stored as it is.
    func refuses(_ key: String, _ fixture: Fixture) async throws -> Bool {
        let executor = try await fixture.executor()
        let number = try await fixture.owned(by: executor)
        do {
            try await executor.commit(.step(step(number, key, 1)))
            return false
        } catch let error as StoreError where error.code == .rejected {
            return true
        }
    }
}
