import Perdure
import Testing

struct PayloadTests {
    private struct Order: Codable {
        var id = "a"
        var items = ["b": 1, "c": 2, "d": 3]
        var note = "n"
        var total = 3.5
    }

    /// Bytes are compared, to tell a resend from something else.
    @Test func oneValueIsAlwaysTheSameBytes() throws {
        let encodings = try Set((0..<50).map { _ in try JSONPayloadCodec().encode(Order()) })
        #expect(encodings.count == 1)
    }
}
