internal import Perdure
internal import Testing

/// What workflows are told and tell: each row and its effect are one, also when they are sent again.
@Suite(.timeLimit(.minutes(10))) struct MessagingTests {
    private func step(
        _ number: WorkflowNumber, _ key: String, _ order: Int64, _ kind: StepKind, _ output: EncodedPayload? = nil
    ) -> StepRecord {
        StepRecord(
            workflow: number, key: key, order: order, kind: kind, output: output, started: Fixture.moment, finished: Fixture.moment + order)
    }

    private func message(_ number: WorkflowNumber, _ text: String, key: String? = nil) -> InboxItem {
        InboxItem(workflow: number, kind: .message, payload: .text(text), topic: "topic", key: key)
    }

    @Test(arguments: StoreUnderTest.available)
    func `a workflow's message and its row are one, and come once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(3, by: executor)
            let named = try await fixture.record(id: "receiver")
            _ = try await fixture.backend.start([(named, IDPolicies())], owner: nil)
            let refusal = EncodedPayload.text("nobody")
            let commands = (0..<3).map { place -> Command in
                let item = InboxItem(
                    workflow: place == 2 ? 0 : numbers[1], kind: .message, reference: numbers[0], payload: .text("m\(place)"),
                    topic: "topic", key: "@send#\(place)")
                let effect = StepEffect.send(item, id: place == 2 ? "receiver" : nil, refusal: refusal)
                return .effect(step(numbers[0], "@send#\(place)", Int64(place + 1), .send), effect)
            }
            var sequences: [Int64] = []
            for result in try await executor.commit(commands) {
                guard case .sent(_, let sequence) = result else {
                    Issue.record("\(result)")
                    continue
                }
                sequences.append(sequence)
            }
            #expect(sequences == sequences.sorted())
            // The reply was lost: the same again changes nothing.
            for result in try await executor.commit(commands) {
                if case .recorded(let record) = result { #expect(record.error == nil) }
            }
            let inbox = try await fixture.inbox(numbers[1])
            #expect(inbox.map(\.payload) == [.text("m0"), .text("m1")])
            #expect(inbox.map(\.sequence) == Array(sequences.prefix(2)))
            #expect(inbox.allSatisfy { $0.reference == numbers[0] && $0.topic == "topic" && !$0.isSeen })
            #expect(try await fixture.inbox(named.number).map(\.payload) == [.text("m2")])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `where nobody is there any more, that is what is recorded`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(2, by: executor)
            try await executor.commit(.finish(outcome(numbers[1]), parent: nil))
            let refusal = EncodedPayload.text("nobody")
            let commands = [(numbers[1], String?.none), (0, "unknown")].enumerated().map { place, receiver -> Command in
                let item = InboxItem(workflow: receiver.0, kind: .message, payload: .text("m"), topic: "topic")
                return .effect(
                    step(numbers[0], "@send#\(place)", Int64(place + 1), .send), .send(item, id: receiver.1, refusal: refusal))
            }
            for _ in 0..<2 {
                for result in try await executor.commit(commands) {
                    guard case .recorded(let record) = result else {
                        Issue.record("\(result)")
                        continue
                    }
                    #expect(record.error == refusal)
                }
            }
            #expect(try await fixture.load(numbers[0]).history.map(\.error) == [refusal, refusal])
            #expect(try await fixture.inbox(numbers[1]) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `from outside it is sent once under a key, and not to who has ended`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (number, ended) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            #expect(try await fixture.backend.send([message(ended, "early", key: "k")]) == [.sent])
            try await executor.commit(.finish(outcome(ended), parent: nil))
            let results = try await fixture.backend.send([
                message(number, "1", key: "k"), message(number, "again", key: "k"), message(number, "2"), message(number, "3"),
                message(ended, "late"), message(ended, "early", key: "k"), message(ended, "late", key: "l"),
            ])
            #expect(results == [.sent, .duplicate, .sent, .sent, .ended, .duplicate, .ended])
            #expect(try await fixture.inbox(number).map(\.payload) == [.text("1"), .text("2"), .text("3")])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an event has its newest value, and a stream each value in its place`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            func publish(_ name: String, _ text: String, _ order: Int64) -> Command {
                .effect(step(number, "@event:\(name)#\(order)", order, .event, .text(text)), .publish(name))
            }
            func append(_ text: String?, _ offset: Int64, _ order: Int64) -> Command {
                .effect(
                    step(number, "@append#\(order)", order, .append, text.map { .text($0) }), .append(stream: "s", offset: offset))
            }
            let batch = [publish("a", "1", 1), publish("b", "2", 2), publish("a", "3", 3), append("x", 0, 4), append("y", 1, 5)]
            try await executor.commit(batch)
            try await executor.commit([publish("b", "4", 6)])
            try await executor.commit(batch)
            let events = try await fixture.backend.events(of: number)
            #expect(events.map(\.name) == ["a", "b"] && events.map(\.value) == [.text("3"), .text("4")])
            let loose = StreamRecord(
                workflow: number, stream: "s", offset: 2, value: .text("z"), appended: Fixture.moment, step: "model", attempt: 2)
            for _ in 0..<2 { try await executor.commit([.append(loose)]) }
            #expect(try await fixture.backend.streamEnds(of: number) == ["s": StreamEnd(next: 3)])
            try await executor.commit([append(nil, 3, 7)])
            let values = try await fixture.backend.stream("s", of: number, from: 1, limit: 10)
            #expect(values.map(\.value) == [.text("y"), .text("z"), nil] && values.map(\.offset) == [1, 2, 3])
            #expect(values[1] == loose)
            #expect(try await fixture.backend.stream("s", of: number, from: 0, limit: 2).map(\.offset) == [0, 1])
            #expect(try await fixture.backend.streamEnds(of: number) == ["s": StreamEnd(next: 4, isClosed: true)])
            // Not its owner's any more.
            try await executor.commit(.suspend(number, due: .max))
            try await executor.commit(
                [.append(StreamRecord(workflow: number, stream: "s", offset: 9, value: .text("late"), appended: Fixture.moment))])
            #expect(try await fixture.backend.streamEnds(of: number) == ["s": StreamEnd(next: 4, isClosed: true)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an answer and its row are one, and a refusal leaves no trace in the history`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let requests = ["one", "two"].map {
                InboxItem(workflow: number, kind: .request, payload: .text($0), topic: "ask", key: $0)
            }
            #expect(try await fixture.backend.send(requests) == [.sent, .sent])
            let inbox = try await fixture.inbox(number)
            let answer = ReplyRecord(workflow: number, request: "ask", key: "one", output: .text("yes"), replied: Fixture.moment + 1)
            let answering = Command.effect(
                step(number, "@request:ask", 1, .request, .text("row")), .reply(answer, sequence: inbox[0].sequence))
            for _ in 0..<2 { try await executor.commit([answering]) }
            let refusal = ReplyRecord(workflow: number, request: "ask", key: "two", error: .text("no"), replied: Fixture.moment)
            for _ in 0..<2 { try await executor.commit([.refuse(refusal, sequence: inbox[1].sequence)]) }
            #expect(try await fixture.inbox(number) == [])
            #expect(try await fixture.load(number).history.map(\.key) == ["@request:ask"])
            #expect(try await fixture.backend.reply(to: "one", of: "ask", by: number)?.output == .text("yes"))
            #expect(try await fixture.backend.reply(to: "two", of: "ask", by: number) == refusal)
            #expect(try await fixture.backend.reply(to: "three", of: "ask", by: number) == nil)
            #expect(try await fixture.backend.send(requests) == [.duplicate, .duplicate])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what a workflow has seen wakes nobody, and is there when it comes back`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (executor, other) = (try await fixture.executor(), try await fixture.executor())
            let number = try await fixture.owned(by: executor)
            _ = try await fixture.backend.send([message(number, "1"), message(number, "2")])
            let seen = try await fixture.inbox(number).map(\.sequence)
            try await executor.commit(.suspend(number, due: .max, seen: [seen[0]]))
            #expect(try await fixture.inbox(number).map(\.isSeen) == [true, false])
            #expect(try await other.claimer.arrivals() == [number])
            #expect(try await executor.claimer.claimArrived([number]).map(\.number) == [number])
            try await executor.commit(.suspend(number, due: .max, seen: seen))
            other.claimer.reset()
            #expect(try await other.claimer.arrivals() == [])
            #expect(try await fixture.load(number).inbox.map(\.payload) == [.text("1"), .text("2")])
            _ = try await fixture.backend.send([message(number, "3")])
            #expect(try await other.claimer.arrivals() == [number])
        }
    }
}
