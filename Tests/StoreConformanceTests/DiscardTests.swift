internal import Perdure
internal import Testing

/// Messages that an operator takes out of an inbox.
@Suite(.timeLimit(.minutes(10))) struct DiscardTests {
    private let ada = Instruction(by: "ada", reason: "not a number", at: Fixture.moment)

    @Test(arguments: StoreUnderTest.available, [true, false])
    func `the first on its topic goes, and that is recorded`(_ kind: StoreUnderTest, _ isPaused: Bool) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let sent = [("a", "topic"), ("b", "topic"), ("c", "another")].map { text, topic in
                InboxItem(workflow: number, kind: .message, payload: .text(text), topic: topic)
            }
            let request = InboxItem(workflow: number, kind: .request, payload: .text("d"), topic: "topic", key: "k")
            _ = try await fixture.backend.send([request] + sent)
            // Its owner may be about to receive it.
            #expect(try await fixture.backend.discard("topic", of: number, ada) == .running)
            if isPaused {
                try await executor.commit(.suspend(number, due: .max))
                #expect(try await fixture.backend.discard("topic", of: number, ada) == .running)
                #expect(try await fixture.backend.pause(number, ada) == .paused)
            } else {
                try await executor.commit(.setAside(number, reason: "broken", at: Fixture.moment))
            }
            #expect(try await fixture.backend.interventions(of: number).filter { $0.kind == .discardMessage } == [])
            #expect(try await fixture.backend.discard("topic", of: number, ada) == .discarded)
            #expect(try await fixture.inbox(number).map(\.payload) == ["d", "b", "c"].map { .text($0) })
            #expect(try await fixture.backend.discard("topic", of: number, ada) == .discarded)
            #expect(try await fixture.backend.discard("topic", of: number, ada) == .nothing)
            #expect(try await fixture.inbox(number).map(\.payload) == ["d", "c"].map { .text($0) })
            let recorded = try await fixture.backend.interventions(of: number).filter { $0.kind == .discardMessage }
            #expect(recorded.map(\.step) == ["topic", "topic"] && recorded.map(\.instruction) == [ada, ada])
            #expect(recorded.allSatisfy { $0.state == .applied })
            let ended = try await fixture.owned(by: executor)
            try await executor.commit(.finish(outcome(ended), parent: nil))
            #expect(try await fixture.backend.discard("topic", of: ended, ada) == .ended)
        }
    }
}
