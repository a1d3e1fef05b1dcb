internal import Perdure
internal import Testing

/// What a run has not received when it ends, and what becomes of it.
@Suite(.timeLimit(.minutes(10))) struct UnreadTests {
    private func mail(_ number: WorkflowNumber, _ kind: InboxKind, _ text: String, key: String? = nil) -> InboxItem {
        InboxItem(workflow: number, kind: kind, payload: .text(text), topic: kind == .message ? "topic" : "ask", key: key)
    }

    /// A run that ends with three of them in its inbox, and something that is none.
    private func ended(_ fixture: Fixture, _ executor: TestExecutor, _ status: OutcomeStatus) async throws -> WorkflowRecord {
        let number = try await fixture.owned(by: executor)
        let sent = [mail(number, .message, "one", key: "k"), mail(number, .request, "two", key: "k"), mail(number, .message, "three")]
        #expect(try await fixture.backend.send(sent) == [.sent, .sent, .sent])
        try await fixture.backend.deliver([InboxItem(workflow: number, kind: .cancel)])
        for _ in 0..<2 { try await executor.commit(.finish(outcome(number, status), parent: nil)) }
        return try await fixture.status(number).record
    }

    private func succession(_ fixture: Fixture, of earlier: WorkflowRecord, _ kind: RunKind) async throws -> Succession {
        var record = earlier
        record.number = try await fixture.number()
        record.id = earlier.id ?? Names.publicID(earlier.number)
        let link = RunLink(number: record.number, previous: earlier.number, kind: kind, at: Fixture.moment)
        var inherited = Inheritable()
        if kind == .rewound {
            inherited.inbox = [mail(record.number, .message, "zero")]
            inherited.keepsMail = true
        }
        return Succession(record: record, link: link, inherited: inherited)
    }

    @Test(arguments: StoreUnderTest.available)
    func `a run that came to no good end leaves it to the run that goes on`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for status in OutcomeStatus.allCases where status != .completed && status != .continued {
                let first = try await ended(fixture, executor, status)
                // It wakes nobody, and is not in the way of those who tidy.
                #expect(try await fixture.inbox(first.number) == [])
                #expect(try await fixture.backend.tidy(after: 0, limit: 100).deleted == 0)
                let second = try await succession(fixture, of: first, .rewound)
                for _ in 0..<2 { #expect(try await fixture.backend.succeed(second) == .started) }
                let number = second.record.number
                let inbox = try await fixture.inbox(number)
                #expect(inbox.map(\.payload) == ["zero", "one", "two", "three"].map { .text($0) })
                #expect(inbox.map(\.kind) == [.message, .message, .request, .message] && inbox.map(\.key) == [nil, "k", "k", nil])
                #expect(inbox.allSatisfy { !$0.isSeen })
                let again = [mail(number, .message, "one", key: "k"), mail(number, .request, "two", key: "k")]
                #expect(try await fixture.backend.send(again) == [.duplicate, .duplicate])
                #expect(try await executor.claimReady() == [number])
                // Once more, with what it had not received in turn.
                try await executor.commit([.consume(number, sequence: inbox[1].sequence), .finish(outcome(number, status), parent: nil)])
                let third = try await succession(fixture, of: second.record, .rewound)
                #expect(try await fixture.backend.succeed(third) == .started)
                let left = try await fixture.inbox(third.record.number)
                #expect(left.map(\.payload) == ["zero", "zero", "two", "three"].map { .text($0) })
                #expect(try await executor.claimReady() == [third.record.number])
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a run that has completed leaves nothing, and a run that begins anew is given nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for (status, change) in [(OutcomeStatus.completed, RunKind.rewound), (.failed, .restarted), (.failed, .forked)] {
                let first = try await ended(fixture, executor, status)
                let second = try await succession(fixture, of: first, change)
                #expect(try await fixture.backend.succeed(second) == .started)
                let inbox = try await fixture.inbox(second.record.number)
                #expect(inbox.map(\.payload) == second.inherited.inbox.map(\.payload))
                // What it has neither been given nor answered may be asked again.
                let request = mail(second.record.number, .request, "two", key: "k")
                #expect(try await fixture.backend.send([request]) == [.sent])
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a key is one of its kind and its topic`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.owned(by: try await fixture.executor())
            var sent = [mail(number, .message, "1", key: "k"), mail(number, .request, "2", key: "k")]
            sent += sent.map { item in
                var item = item
                item.topic = "another"
                return item
            }
            #expect(try await fixture.backend.send(sent) == sent.map { _ in .sent })
            #expect(try await fixture.backend.send(sent) == sent.map { _ in .duplicate })
            #expect(try await fixture.inbox(number).count == 4)
            let given = try await fixture.backend.begin(.readCommitted, for: nil)
            #expect(try await given.send(sent) == sent.map { _ in .duplicate })
            for index in sent.indices { sent[index].key = "l" }
            #expect(try await given.send(sent) == sent.map { _ in .sent })
            #expect(try await given.send(sent) == sent.map { _ in .duplicate })
            await given.rollback()
        }
    }

    /// Of requests under one key the answers are apart, and those go with a rewind that stand before its place.
    @Test(arguments: StoreUnderTest.available)
    func `an answer goes with its step, and a key with its answer`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await fixture.owned(by: executor)
            let topics = ["a", "b", "c"]
            let requests = topics.map { InboxItem(workflow: first, kind: .request, payload: .text($0), topic: $0, key: "k") }
            #expect(try await fixture.backend.send(requests) == [.sent, .sent, .sent])
            let inbox = try await fixture.inbox(first)
            let refusal = ReplyRecord(workflow: first, request: "c", key: "k", error: .text("no"), replied: Fixture.moment)
            let answers = topics.prefix(2).enumerated().map { place, topic -> Command in
                let row = StepRecord(
                    workflow: first, key: "@request:" + topic, order: Int64(place + 1), kind: .request, output: .text("row"),
                    started: Fixture.moment, finished: Fixture.moment)
                let reply = ReplyRecord(workflow: first, request: topic, key: "k", output: .text("to " + topic), replied: Fixture.moment)
                return .effect(row, .reply(reply, sequence: inbox[place].sequence))
            }
            try await executor.commit(answers + [.refuse(refusal, sequence: inbox[2].sequence)])
            try await executor.commit(.finish(outcome(first, .failed), parent: nil))
            var last = try await fixture.status(first).record
            for _ in 0..<2 {
                var succession = try await succession(fixture, of: last, .rewound)
                succession.inherited.before = 2
                succession.inherited.inbox = []
                succession.link.origin = "{}"
                #expect(try await fixture.backend.succeed(succession) == .started)
                let number = succession.record.number
                #expect(try await fixture.backend.reply(to: "k", of: "a", by: number)?.output == .text("to a"))
                #expect(try await fixture.backend.reply(to: "k", of: "b", by: number) == nil)
                #expect(try await fixture.backend.reply(to: "k", of: "c", by: number)?.error == .text("no"))
                #expect(try await fixture.backend.reply(to: "k", of: "b", by: first)?.output == .text("to b"))
                #expect(try await executor.claimReady() == [number])
                let again = requests.map { item in
                    var item = item
                    item.workflow = number
                    return item
                }
                #expect(try await fixture.backend.send([again[0], again[2]]) == [.duplicate, .duplicate])
                try await executor.commit(.finish(outcome(number, .failed), parent: nil))
                last = succession.record
            }
        }
    }

    /// A client whose transaction was open when the run ended takes back what nobody will receive.
    @Test(arguments: StoreUnderTest.available)
    func `what has come too late is taken back, and nothing else`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let item = mail(number, .message, "late")
            #expect(try await fixture.backend.send([item]) == [.sent])
            #expect(try await fixture.backend.takeBack(item) == false)
            try await executor.commit(.finish(outcome(number, .failed), parent: nil))
            // It was there before the end.
            #expect(try await fixture.backend.takeBack(item) == false)
            // As if a message and the end had not seen each other.
            guard let view = fixture.viewPrefix, kind == .postgres else { return }
            for isTidied in [false, true] {
                let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
                _ = try await transaction.execute(
                    "INSERT INTO \(unsafeRaw: view)inbox (workflow, kind, topic, payload, codec) VALUES (\(number), 4, 'topic', 'late', 2)")
                _ = try await transaction.commit(nil, hadPending: false)
                let sent = InboxItem(
                    workflow: number, kind: .message, payload: EncodedPayload(codec: 2, bytes: Array("late".utf8)), topic: "topic")
                if isTidied {
                    // The run that goes on has it.
                    #expect(try await fixture.backend.tidy(after: .min, limit: 9).deleted == 1)
                } else {
                    #expect(try await fixture.backend.takeBack(sent))
                }
                #expect(try await fixture.backend.takeBack(sent) == false)
            }
            let succession = try await succession(fixture, of: try await fixture.status(number).record, .rewound)
            #expect(try await fixture.backend.succeed(succession) == .started)
            let expected = [EncodedPayload.text("zero"), .text("late"), EncodedPayload(codec: 2, bytes: Array("late".utf8))]
            #expect(try await fixture.inbox(succession.record.number).map(\.payload) == expected)
        }
    }

    /// It was sent by a transaction that has not seen the end, and committed when the run that goes on had been made.
    @Test(.enabled(if: StoreUnderTest.available.contains(.postgres)))
    func `what comes when the run that goes on is there goes to that`() async throws {
        try await withStore(.postgres) { fixture in
            let executor = try await fixture.executor()
            let view = try #require(fixture.viewPrefix)
            func late(_ number: WorkflowNumber) async throws {
                let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
                _ = try await transaction.execute(
                    "INSERT INTO \(unsafeRaw: view)inbox (workflow, kind, topic, payload, codec) VALUES (\(number), 4, 'topic', 'late', 2)")
                _ = try await transaction.commit(nil, hadPending: false)
                #expect(try await fixture.backend.tidy(after: .min, limit: 9).deleted == 1)
            }
            let first = try await ended(fixture, executor, .failed)
            let second = try await succession(fixture, of: first, .rewound)
            #expect(try await fixture.backend.succeed(second) == .started)
            try await late(first.number)
            #expect(try await fixture.inbox(second.record.number).count == 5)
            #expect(try await fixture.inbox(first.number) == [])
            // While nobody goes on it is kept; then it is there for the next who does.
            #expect(try await executor.claimReady() == [second.record.number])
            try await executor.commit(.finish(outcome(second.record.number, .failed), parent: nil))
            try await late(second.record.number)
            let third = try await succession(fixture, of: second.record, .rewound)
            #expect(try await fixture.backend.succeed(third) == .started)
            #expect(try await fixture.inbox(third.record.number).count == 7)
            try await late(first.number)
            #expect(try await fixture.inbox(third.record.number).count == 8)
        }
    }
}
