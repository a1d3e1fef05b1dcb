/// One statement of the store's own, written by hand; a connection prepares it once and keeps it.
///
/// The texts stand beside the code that binds them. The address of the literal is its identity, so that finding the prepared statement
/// hashes one word and not the text.
struct Query: Sendable {
    let text: StaticString

    init(_ text: StaticString) { self.text = text }

    var identity: UInt { unsafe UInt(bitPattern: text.utf8Start) }
    var sql: String { text.description }
}
