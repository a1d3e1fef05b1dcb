internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// A message's key that somebody's open transaction holds.
@Suite(Server.isThere, .timeLimit(.minutes(5))) struct KeyHolderTests {
    @Test func `who sends under it is told in time, and holds up nobody`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            let item = InboxItem(workflow: number, kind: .message, payload: .void, topic: "topic", key: "k")
            let holder = try await fixture.store.begin(.readCommitted, for: nil)
            #expect(try await holder.send([item]) == [.sent])
            let error = await expect(.transient) { _ = try await fixture.store.send([item]) }
            #expect(error?.nativeCode == "55P03" && error?.message.contains("'k'") == true)
            // Another key is free, and the connection is there for others.
            var other = item
            other.key = "l"
            #expect(try await fixture.store.send([other]) == [.sent])
            _ = await holder.rollback()
            #expect(try await fixture.store.send([item]) == [.sent])
        }
    }
}
