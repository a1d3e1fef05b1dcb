internal import FoundationEssentials
internal import Perdure
internal import Testing

/// Attributes that change: exactly once, and the searches follow.
@Suite(.timeLimit(.minutes(10))) struct AttributeChangeTests {
    private static let refusal = EncodedPayload.text("too many")
    private static let who = Instruction(by: "ada", reason: "why", at: Fixture.moment)

    private func change(_ number: WorkflowNumber, _ order: Int64, _ values: [String: SearchAttribute?]) -> Command {
        let changes = AttributeChanges(values)
        let key = Names.occurrence("@attributes", Int(order))
        return .effect(
            step(number, key, order, kind: .setAttributes, output: changes.payload), .setAttributes(changes, refusal: Self.refusal))
    }

    private func attributes(_ number: WorkflowNumber, _ fixture: Fixture) async throws -> [String: SearchAttribute] {
        try await fixture.status(number).record.searchAttributes
    }

    private func found(_ text: String, _ fixture: Fixture) async throws -> Int {
        try await fixture.backend.count(try WorkflowFilter(parsing: text), now: Fixture.moment, upTo: 100)
    }

    @Test(arguments: StoreUnderTest.available)
    func `a row of history and its change are one, and come once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var record = try await fixture.record()
            record.attributes = SearchAttribute.encoded(["phase": "new", "amount": .number(12), "odd \"name\"": ["a", "b"]])
            let other = try await fixture.record()
            try await executor.commit([.start(record), .start(other)])
            let number = record.number
            let commands = [
                change(number, 1, ["phase": "paid", "amount": nil, "count": 3, "none": nil]),
                change(number, 2, ["count": 4, "when": .date(.init(timeIntervalSince1970: 1_700_000_000)), "odd \"name\"": ["b", "ü\n"]]),
            ]
            #expect(try await executor.commit(commands).allSatisfy(\.isDone))
            let after: [String: SearchAttribute] = [
                "phase": "paid", "count": 4, "when": .date(.init(timeIntervalSince1970: 1_700_000_000)), "odd \"name\"": ["b", "ü\n"],
            ]
            #expect(try await attributes(number, fixture) == after)
            #expect(try await attributes(other.number, fixture) == [:])
            #expect(try await found("phase = 'paid' and count = 4 and missing amount and when > 2023-01-01", fixture) == 1)
            #expect(try await found("phase = 'new' or exists amount or count = 3 or attribute.\"odd \\\"name\\\"\" = 'a'", fixture) == 0)
            // Meanwhile somebody else has changed it; what is sent again changes nothing.
            #expect(try await fixture.backend.setAttributes(AttributeChanges(["phase": "checked"]), of: number, Self.who) == .changed)
            for (command, result) in zip(commands, try await executor.commit(commands)) {
                guard case .effect(let step, _) = command else { continue }
                #expect(result.isSame(as: step))
            }
            #expect(try await attributes(number, fixture)["phase"] == "checked")
            #expect(try await fixture.load(number).history.map(\.kind) == [.setAttributes, .setAttributes])
            // All of it can go.
            let gone = change(number, 3, ["phase": nil, "count": nil, "when": nil, "odd \"name\"": nil])
            #expect(try await executor.commit(gone).isDone)
            #expect(try await fixture.status(number).record.attributes == nil)
            #expect(try await found("exists phase or exists count or exists when", fixture) == 0)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `more than there may be are refused, and that is what is recorded`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let many = Dictionary(uniqueKeysWithValues: (0..<SearchAttribute.countLimit).map { ("a\($0)", SearchAttribute?.some(.int(1))) })
            #expect(try await executor.commit(change(number, 1, many)).isDone)
            let tooMany = change(number, 2, ["b": 1])
            for _ in 0..<2 { #expect(try await executor.commit(tooMany).recorded?.error == Self.refusal) }
            #expect(try await fixture.load(number).history.map(\.error) == [nil, Self.refusal])
            // One goes and another comes.
            #expect(try await executor.commit(change(number, 3, ["a0": nil, "b": 1])).isDone)
            #expect(try await fixture.backend.setAttributes(AttributeChanges(["c": 1]), of: number, Self.who) == .tooMany)
            #expect(try await attributes(number, fixture).count == SearchAttribute.countLimit)
            #expect(try await found("b = 1 and missing a0 and missing c", fixture) == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `from outside, also of what has ended, with who did it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            try await executor.commit(.finish(outcome(number), parent: nil))
            #expect(try await fixture.backend.setAttributes(AttributeChanges(["checked": true]), of: number, Self.who) == .changed)
            #expect(try await attributes(number, fixture) == ["checked": true])
            #expect(try await found("checked = true and status = completed", fixture) == 1)
            let records = try await fixture.backend.interventions(of: number)
            #expect(records.map(\.kind) == [.setAttributes] && records[0].instruction == Self.who && records[0].state == .applied)
            #expect(try await fixture.backend.setAttributes(AttributeChanges(["a": 1]), of: 1, Self.who) == .unknown)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `children that are started together have attributes`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            let block = try await fixture.backend.numberBlock()
            let children = (0..<3).map { offset in
                WorkflowRecord(
                    number: block.first + Int64(offset), lane: Lane(workflow: "flow"), input: .void,
                    parent: ParentLink(number: parent, key: "@children:flow/start", closePolicy: .terminate),
                    attributes: SearchAttribute.encoded(["batch": 7]), created: Fixture.moment)
            }
            let start = Command.startChildren(children, owned: false, step: step(parent, "@children:flow/start", 1, kind: .childrenStart))
            #expect(try await executor.commit(start).isDone)
            #expect(try await found("batch = 7", fixture) == 3)
            _ = try await executor.commit(start)
            #expect(try await found("batch = 7", fixture) == 3)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `who is asked to end is asked once by each, and for each reason`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let other = Instruction(by: "bob", at: Fixture.moment + 1)
            for instruction in [Self.who, Self.who, other, other] {
                #expect(try await fixture.backend.ask(.cancel, of: number, instruction))
            }
            #expect(try await fixture.backend.ask(.terminate, of: number, other))
            #expect(try await fixture.inbox(number).map(\.kind) == [.cancel, .cancel, .terminate])
            let records = try await fixture.backend.interventions(of: number)
            #expect(records.map(\.kind) == [.cancel, .cancel, .terminate] && records.allSatisfy { $0.state == .applied })
            #expect(records.map(\.instruction) == [Self.who, other, other])
            try await executor.commit(.finish(outcome(number), parent: nil))
            #expect(try await !fixture.backend.ask(.cancel, of: number, Instruction(by: "eve", at: Fixture.moment)))
            #expect(try await fixture.backend.interventions(of: number).count == 3)
        }
    }
}
