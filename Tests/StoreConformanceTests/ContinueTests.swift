internal import Perdure
internal import Testing

/// Runs that go on as new ones: the end and the beginning are one.
@Suite(.timeLimit(.minutes(10))) struct ContinueTests {
    private func continuation(
        _ fixture: Fixture, of earlier: WorkflowNumber, _ place: Int64 = 1, first: WorkflowNumber? = nil, id: String? = nil,
        inbox: [InboxItem] = [], closing: [InboxItem] = []
    ) async throws -> Continuation {
        let first = first ?? earlier
        let number = try await fixture.number()
        return Continuation(
            previous: earlier, number: number, id: id ?? Names.publicID(first), input: .text("input \(place)"),
            at: Fixture.moment + 10 * place, origin: "{\"place\":\(place)}", chain: RunChain(first: first, place: place),
            inbox: inbox.map { item in
                var item = item
                item.workflow = number
                return item
            }, closing: closing)
    }

    private func message(_ number: WorkflowNumber, _ text: String, key: String? = nil) -> InboxItem {
        InboxItem(workflow: number, kind: .message, payload: .text(text), topic: "topic", key: key)
    }

    @Test(arguments: StoreUnderTest.available)
    func `the new run has all that the earlier one had, but an empty history`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (parent, child) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            var first = try await fixture.record(id: "years")
            first.attributes = .json("{\"city\":\"Rome\"}")
            first.deadline = Fixture.future
            first.parent = ParentLink(number: parent, key: "child", closePolicy: .abandon)
            _ = try await fixture.backend.start([(first, IDPolicies())], owner: executor.id)
            try await executor.commit([.step(step(first.number, "a", 1)), .pending(pending(first.number, "b"))])
            try await fixture.backend.deliver([
                cancel(first.number), InboxItem(workflow: first.number, kind: .childEnded, reference: child),
            ])
            #expect(try await fixture.backend.send([message(first.number, "one"), message(first.number, "two")]) == [.sent, .sent])
            let instruction = Instruction(by: "Ada", at: Fixture.moment)
            #expect(try await fixture.backend.pause(first.number, instruction) == .accepted)
            let before = try await fixture.inbox(first.number)
            let next = try await continuation(
                fixture, of: first.number, id: "years", inbox: [message(0, "had been given"), message(0, "had been given, too")],
                closing: [cancel(child)])
            for _ in 0..<2 {
                // A second time as after a commit whose fate is unknown.
                #expect(try await executor.commit(.continueAsNew(next)).isDone)
                let ended = try await fixture.status(first.number)
                #expect(ended.outcome == next.outcome && ended.live == nil && ended.pending == [] && ended.record == first)
                let status = try await fixture.status(next.number)
                #expect(status.record == next.record(after: first) && status.link == next.link)
                #expect(status.record.attributes == first.attributes && status.record.deadline == Fixture.future)
                #expect(status.record.parent == first.parent && status.live == .owned && status.executor == executor.id)
                let loaded = try await fixture.load(next.number)
                #expect(loaded.history == [] && loaded.pending == [] && loaded.origin == next.origin)
                let texts: [EncodedPayload?] = [
                    .text("had been given"), .text("had been given, too"), .text("please"), .text("one"), .text("two"), nil,
                ]
                #expect(loaded.inbox.map(\.payload) == texts && loaded.inbox.last?.isPause == true)
                #expect(loaded.inbox.suffix(4).map(\.sequence) == before.filter { $0.kind != .childEnded }.map(\.sequence))
                #expect(try await fixture.inbox(first.number) == [])
                #expect(try await fixture.inbox(child).map(\.kind) == [.cancel])
                #expect(try await fixture.inbox(parent) == [])
                #expect(try await fixture.backend.number(ofID: "years") == next.number)
            }
            #expect(try await fixture.load(first.number).history.map(\.key) == ["a"])
            #expect(try await fixture.backend.interventions(of: next.number).map(\.state) == [.onItsWay])
            #expect(try await fixture.backend.interventions(of: first.number) == [])
            // It has begun, so it is not fresh for whoever has it next.
            try await executor.commit(.release(next.number))
            let claimed = try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            #expect(claimed.map(\.number) == [next.number] && claimed.first?.isFresh == false)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a search ends at a number, or finds what goes on behind it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (first, other) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            let second = try await continuation(fixture, of: first)
            let late = try await fixture.owned(by: executor)
            let third = try await continuation(fixture, of: second.number, 2, first: first)
            let later = try await continuation(fixture, of: late)
            for next in [second, third, later] { try await executor.commit(.continueAsNew(next)) }
            func find(
                _ extent: SearchRequest.Extent, _ filter: WorkflowFilter = .all, after: WorkflowNumber? = nil, newestFirst: Bool = false,
                limit: Int = 9
            ) async throws -> [WorkflowNumber] {
                let request = SearchRequest(
                    filter, now: Fixture.now, after: after, limit: limit, newestFirst: newestFirst, extent: extent)
                return try await fixture.backend.search(request).map(\.status.record.number)
            }
            #expect(try await find(.all) == [first, other, second.number, late, third.number, later.number])
            #expect(try await find(.upTo(other)) == [first, other])
            #expect(try await find(.upTo(late), after: first, newestFirst: true).isEmpty)
            #expect(try await find(.upTo(late), after: first) == [other, second.number, late])
            #expect(try await find(.continuing(other)) == [second.number, third.number])
            #expect(try await find(.continuing(other), newestFirst: true, limit: 1) == [third.number])
            #expect(try await find(.continuing(other), after: second.number) == [third.number])
            #expect(try await find(.continuing(other), .open && .name == "flow") == [third.number])
            #expect(try await find(.continuing(other), .status == .continued) == [second.number])
            #expect(try await find(.continuing(second.number), .closed).isEmpty)
            #expect(try await find(.continuing(.max)).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `only its owner continues a run`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (executor, other) = (try await fixture.executor(), try await fixture.executor())
            let number = try await fixture.owned(by: executor)
            let next = try await continuation(fixture, of: number)
            try await other.commit(.continueAsNew(next))
            #expect(try await fixture.status(number).live == .owned)
            #expect(try await fixture.backend.status(of: next.number) == nil)
            #expect(try await fixture.backend.number(ofID: Names.publicID(number)) == nil)
            let dead = try await fixture.reapedExecutor()
            await expect(.fenced) { try await dead.commit(.continueAsNew(next)) }
            try await executor.commit(.finish(outcome(number), parent: nil))
            try await executor.commit(.continueAsNew(next))
            #expect(try await fixture.backend.status(of: next.number) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is asked of an earlier run is asked of the newest`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (executor, backend) = (try await fixture.executor(), fixture.backend)
            let (first, sender) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            #expect(try await backend.send([message(first, "zero", key: "k0")]) == [.sent])
            let second = try await continuation(fixture, of: first)
            try await executor.commit(.continueAsNew(second))
            let third = try await continuation(fixture, of: second.number, 2, first: first)
            try await executor.commit(.continueAsNew(third))
            #expect(
                try await backend.newestRuns(of: [first, second.number, third.number, sender]) == [
                    first: third.number, second.number: third.number,
                ])
            for number in [first, second.number, third.number] { #expect(try await backend.firstRun(of: number) == first) }
            #expect(try await backend.firstRun(of: sender) == sender)
            // Under a key only once, whichever run it was sent to.
            let sent = [
                message(first, "one", key: "k1"), message(second.number, "again", key: "k1"), message(third.number, "again", key: "k0"),
            ]
            #expect(try await backend.send(sent) == [.sent, .duplicate, .duplicate])
            try await executor.commit(.deliver(cancel(first)))
            try await executor.commit(.deliver(cancel(second.number)))
            try await backend.deliver([InboxItem(workflow: second.number, kind: .terminate)])
            let item = InboxItem(workflow: first, kind: .message, reference: sender, payload: .text("two"), topic: "topic", key: "@send")
            let row = step(sender, "@send", 1, kind: .send)
            let result = try await executor.commit(.effect(row, .send(item, id: nil, refusal: .text("nobody"))))
            if case .sent(let receiver, _) = result { #expect(receiver == third.number) } else { Issue.record("\(result)") }
            let kinds: [InboxKind] = [.message, .message, .cancel, .terminate, .message]
            #expect(try await fixture.inbox(third.number).map(\.kind) == kinds)
            #expect(try await backend.finalEndings(of: [first]).isEmpty)
            try await executor.commit(.setAside(third.number, reason: "broken", at: Fixture.moment))
            #expect(try await backend.resume(first))
            #expect(try await fixture.status(third.number).live == .ready)
            #expect(try await backend.pause(second.number, Instruction(by: "Ada", at: Fixture.moment)) == .paused)
            #expect(try await backend.resume(first, Instruction(by: "Eve", at: Fixture.moment)))
            #expect(try await backend.interventions(of: third.number).map(\.kind) == [.pause, .resume])
            #expect(try await executor.claimReady() == [third.number])
            try await executor.commit(.finish(outcome(third.number), parent: nil))
            #expect(try await backend.send([message(first, "late")]) == [.ended])
            for case .outcome(let ending) in try await backend.finalEndings(of: [first, second.number, third.number]) {
                #expect(ending.status == .completed && [first, second.number, third.number].contains(ending.workflow))
            }
            #expect(try await backend.finalEndings(of: [first, second.number, third.number]).count == 3)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `events, streams and answers are those of the whole chain`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (executor, backend) = (try await fixture.executor(), fixture.backend)
            let first = try await fixture.owned(by: executor)
            func publish(_ number: WorkflowNumber, _ name: String, _ text: String, _ order: Int64, as chain: RunChain? = nil) -> Command {
                .effect(step(number, "@event:\(name)#\(order)", order, kind: .event, output: .text(text)), .publish(name, as: chain))
            }
            try await executor.commit([publish(first, "a", "1", 7), publish(first, "b", "2", 8)])
            let appended = step(first, "@append", 9, kind: .append, output: .text("x"))
            try await executor.commit(.effect(appended, .append(stream: "s", offset: 0)))
            let request = InboxItem(workflow: first, kind: .request, payload: .text("?"), topic: "ask", key: "q")
            #expect(try await backend.send([request]) == [.sent])
            let second = try await continuation(fixture, of: first)
            try await executor.commit(.continueAsNew(second))
            #expect(try await backend.events(of: second.number).map(\.value) == [.text("1"), .text("2")])
            #expect(try await backend.streamEnds(of: second.number) == ["s": StreamEnd(next: 1)])
            // Of a place in the order that is lower than that of the earlier run's.
            try await executor.commit(publish(second.number, "a", "3", 1, as: second.chain))
            let again = step(second.number, "@append", 2, kind: .append, output: .text("y"))
            try await executor.commit(.effect(again, .append(stream: "s", offset: 1, as: first)))
            let loose = StreamRecord(workflow: first, stream: "s", offset: 2, value: .text("z"), appended: Fixture.moment, step: "model")
            try await executor.commit(.append(loose, by: second.number))
            try await executor.commit(.append(loose, by: first))
            let asked = try #require(try await fixture.inbox(second.number).first)
            let reply = ReplyRecord(workflow: first, request: "ask", key: "q", output: .text("!"), replied: Fixture.moment)
            let answered = step(second.number, "@request", 3, kind: .request)
            try await executor.commit(.effect(answered, .reply(reply, sequence: asked.sequence)))
            #expect(try await fixture.inbox(second.number) == [])
            let refused = InboxItem(workflow: first, kind: .request, payload: .text("?"), topic: "ask", key: "r")
            #expect(try await backend.send([refused]) == [.sent])
            let sequence = try #require(try await fixture.inbox(second.number).first?.sequence)
            let refusal = ReplyRecord(workflow: first, request: "ask", key: "r", error: .text("no"), replied: Fixture.moment)
            try await executor.commit(.refuse(refusal, sequence: sequence, by: second.number))
            #expect(try await fixture.inbox(second.number) == [])
            for number in [first, second.number] {
                #expect(try await backend.events(of: number).map(\.value) == [.text("3"), .text("2")])
                #expect(try await backend.stream("s", of: number, from: 0, limit: 9).map(\.value) == [.text("x"), .text("y"), .text("z")])
                #expect(try await backend.reply(to: "q", of: "ask", by: number)?.output == .text("!"))
                #expect(try await backend.reply(to: "r", of: "ask", by: number)?.error == .text("no"))
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an id and a deduplication key see a chain as one workflow`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (executor, backend) = (try await fixture.executor(), fixture.backend)
            let lane = Lane(queue: "q", key: "k", workflow: "flow")
            let record = try await fixture.record(id: nil, lane: lane)
            func policies(_ policy: DeduplicationPolicy) -> IDPolicies {
                IDPolicies(deduplication: StoredDeduplication(key: "only", policy: policy))
            }
            #expect(try await backend.start([(record, policies(.reject))], owner: executor.id) == [.started(owned: true)])
            let second = try await continuation(fixture, of: record.number)
            try await executor.commit(.continueAsNew(second))
            #expect(try await fixture.status(second.number).record.lane == lane)
            let rival = try await fixture.record(lane: lane)
            #expect(try await backend.start([(rival, policies(.reject))], owner: nil) == [.duplicate(second.number)])
            #expect(try await backend.start([(rival, policies(.useExisting))], owner: nil) == [.existing(second.number)])
            let named = try await fixture.record(id: second.id)
            #expect(
                try await backend.start([(named, IDPolicies(conflict: .fail, reuse: .allowDuplicate))], owner: nil) == [
                    .open(second.number)
                ])
            try await executor.commit(.finish(outcome(second.number), parent: nil))
            #expect(try await backend.start([(rival, policies(.reject))], owner: nil) == [.started(owned: false)])
            #expect(try await backend.start([(named, IDPolicies(reuse: .allowDuplicate))], owner: nil) == [.started(owned: false)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a parent knows its child by the run that it has started`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (executor, backend) = (try await fixture.executor(), fixture.backend)
            let parent = try await fixture.owned(by: executor)
            var child = try await fixture.record()
            child.parent = ParentLink(number: parent, key: "@children:flow/start", closePolicy: .cancel)
            try await executor.commit(.start(child))
            let second = try await continuation(fixture, of: child.number)
            try await executor.commit(.continueAsNew(second))
            let open = OpenChild(number: second.number, first: child.number, closePolicy: .cancel)
            #expect(try await backend.openChildren(of: parent) == [open])
            let end = InboxItem(workflow: parent, kind: .groupEnded, reference: second.number, topic: "g")
            try await executor.commit(.finish(outcome(second.number), parent: nil, inbox: [end]))
            let ends = try await backend.groupEnds(of: parent, "g", limit: 9, bytes: 1_000)
            #expect(ends.map(\.child) == [child.number] && ends.first?.outcome == outcome(second.number))
            // Whoever ends tells the newest run of a child.
            let (other, loose) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            let third = try await continuation(fixture, of: loose)
            try await executor.commit(.continueAsNew(third))
            try await executor.commit(.finish(outcome(other), parent: nil, inbox: [cancel(loose)]))
            #expect(try await fixture.inbox(third.number).map(\.kind) == [.cancel])
            // The end of a child is nothing to a run that does not know it.
            let last = try await fixture.owned(by: executor)
            try await executor.commit(.finish(outcome(last), parent: loose))
            #expect(try await fixture.inbox(third.number).map(\.kind) == [.cancel])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a slot of a workflow's own is the new run's`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.enqueue(2)
            let wish = SlotWish(limit: LimitID(queue: Fixture.queue), capacity: 1, wanted: 1)
            #expect(try await executor.claim(1, of: wish, holdsUntilEnd: true).numbers == [numbers[0]])
            let second = try await continuation(fixture, of: numbers[0])
            try await executor.commit(.continueAsNew(second))
            #expect(try await executor.claim(1, of: wish, holdsUntilEnd: true).numbers == [])
            try await executor.finish(second.number)
            #expect(try await executor.claim(1, of: wish, holdsUntilEnd: true).numbers == [numbers[1]])
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `the views say so`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await fixture.owned(by: executor)
            let second = try await continuation(fixture, of: first)
            try await executor.commit(.continueAsNew(second))
            let row = try await fixture.row(of: first, "workflow_status")
            #expect(row["state"] == .text("continued") && row["output"] == .text("\"input 1\""))
            let next = try await fixture.row(of: second.number, "workflow_status")
            #expect(next["state"] == .text("running") && next["id"] == row["id"])
            let run = try await fixture.row(of: second.number, "workflow_runs")
            #expect(run["kind"] == .text("continued") && run["previous_number"] == .int(first))
        }
    }

    /// Only on Postgres a send and a continuation can go on at the same time without seeing each other.
    @Test(arguments: StoreUnderTest.available.filter { $0 == .postgres })
    func `what a transaction sends that does not see the continuation comes to the new run in its place`(_ kind: StoreUnderTest)
        async throws
    {
        try await withStore(kind) { fixture in
            let (executor, backend) = (try await fixture.executor(), fixture.backend)
            let first = try await fixture.owned(by: executor)
            _ = try await executor.claimer.arrivals()
            let transaction = try await backend.begin(.readCommitted, for: nil)
            #expect(try await transaction.send([message(first, "one", key: "k")]) == [.sent])
            try await transaction.deliver([cancel(first)])
            let second = try await continuation(fixture, of: first)
            try await executor.commit(.continueAsNew(second))
            #expect(try await fixture.inbox(second.number) == [])
            _ = try await transaction.commit(nil, hadPending: false)
            // Sent by the same sender afterwards: it comes behind the first.
            #expect(try await backend.send([message(second.number, "two")]) == [.sent])
            #expect(try await backend.send([message(first, "one", key: "k")]) == [.duplicate])
            #expect(try await fixture.load(second.number).inbox.map(\.payload) == [.text("one"), .text("please"), .text("two")])
            // Of one that is read while it runs, and of one that is not in memory.
            for (reads, text) in [(true, "three"), (false, "four")] {
                let now = try #require(try await backend.newestRuns(of: [first])[first])
                let transaction = try await backend.begin(.readCommitted, for: nil)
                #expect(try await transaction.send([message(now, text)]) == [.sent])
                let place = try #require(try await fixture.status(now).link?.chain?.place)
                let next = try await continuation(fixture, of: now, place + 1, first: first)
                try await executor.commit(.continueAsNew(next))
                _ = try await transaction.commit(nil, hadPending: false)
                #expect(try await fixture.inbox(now).count == 1)
                // What is swept is what is nobody's.
                #expect(try await backend.tidy(after: 0, limit: 1_000).deleted == 0)
                if reads {
                    try await backend.forward(to: [next.number])
                } else {
                    #expect(try await executor.claimer.arrivals().contains(next.number))
                }
                #expect(try await fixture.inbox(now) == [])
                #expect(try await fixture.inbox(next.number).last?.payload == .text(text))
            }
        }
    }
}
