@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Sleepy: Workflow {
    let ran: Counter

    func run(_: Void, in context: WorkflowContext) async throws {
        ran.add("begun")
        do {
            try await context.sleep(for: .days(1))
        } catch {
            if !context.isUnloading { ran.add("cancelled") }
            throw error
        }
    }
}

/// Has the name of `Sleepy`, and cannot decode its input.
private struct Changed: Workflow {
    static let name = "Sleepy"

    func run(_: Int, in context: WorkflowContext) async throws {}
}

private struct Unserved: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws {}
}

private struct Waits: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws {
        try await context.child(Unserved.self, id: "child")
    }
}

/// A long history in which the children come first.
private struct Parent: Workflow {
    let begun: Gate

    func run(_ steps: Int, in context: WorkflowContext) async throws {
        for (id, policy) in [("t", ParentClosePolicy.terminate), ("c", .cancel), ("a", .abandon)] {
            _ = try await context.startChild(Sleepy.self, id: id, onClose: policy)
        }
        for index in 0..<steps { try await context.step("step", id: index) {} }
        _ = try await context.startChild(Sleepy.self, id: "last", onClose: .terminate)
        try await context.step("all") { begun.open() }
        try await context.sleep(for: .days(1))
    }
}

/// A codec that only some engines have.
private struct Reversed: PayloadCodec {
    let number: Int16 = 100
    func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] { try JSONPayloadCodec().encode(value).reversed() }
    func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONPayloadCodec().decode(type, from: bytes.reversed())
    }
}

/// Workflows that end without any engine that has their code.
@Suite(.timeLimit(.minutes(1)))
struct EndUnrunTests {
    private func client(_ database: MemoryDatabase) async throws -> Client {
        try await Client(store: .memory(database), configuration: .test)
    }

    /// Sets a workflow of the type `Sleepy` aside under this id.
    private func setAside(_ id: String, in database: MemoryDatabase) async throws {
        let client = try await client(database)
        try await client.start(Sleepy.self, id: id)
        try await withEngine(store: .memory(database), configuration: .test) {
            Changed()
        } body: { engine in
            let handle = try await engine.handle(of: Changed.self, id: id)
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .setAside)
        }
        await client.close()
    }

    @Test(arguments: [nil, "2"], [nil, Duration.hours(1)])
    func whatNobodyServesIsTerminated(version: String?, delay: Duration?) async throws {
        let ran = Counter()
        try await withEngine(store: .memory(), configuration: .test) {
            Sleepy(ran: ran)
            Waits()
        } body: { engine in
            let options = StartOptions(delay: delay, version: version)
            let handle =
                version == nil
                ? try await engine.start(Unserved.self, id: "x", options: options)
                : try await engine.start(Sleepy.self, id: "x", options: options)
            #expect(try await handle.status().state == (delay == nil ? .queued : .scheduled))
            try await handle.terminate()
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .terminated)
            #expect(try await handle.status().state == .terminated)
            #expect(ran["begun"] == 0)
        }
    }

    @Test func whatWasSetAsideIsTerminated() async throws {
        let database = MemoryDatabase()
        try await setAside("x", in: database)
        try await withEngine(store: .memory(database), configuration: .test) {
            Unserved()
        } body: { engine in
            let handle = try await engine.handle(of: Sleepy.self, id: "x")
            try await handle.terminate()
            try await waitWhile { try await handle.status().state == .setAside }
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .terminated)
            #expect(try await handle.status().reason == nil)
        }
    }

    @Test func aNewRunTakesThePlaceOfWhatWasSetAsideOrIsNotServed() async throws {
        let database = MemoryDatabase()
        try await setAside("aside", in: database)
        let client = try await client(database)
        try await client.start(Sleepy.self, id: "queued")
        try await client.start(Sleepy.self, id: "scheduled", options: StartOptions(delay: .hours(1)))
        let asked = Counter()
        try await withEngine(store: .memory(database), configuration: .test) {
            Unserved()
        } body: { _ in
            database.faults = { operation in
                if operation.kind == .deliver, operation.moment == .before { asked.add() }
                return nil
            }
            for id in ["aside", "queued", "scheduled"] {
                let old = try await client.handle(of: Sleepy.self, id: id)
                let new = try await client.start(Sleepy.self, id: id, options: StartOptions(conflictPolicy: .terminateExisting))
                #expect(new.number != old.number)
                #expect(try await old.status().state == .terminated)
                #expect(try await new.status().state == .queued)
            }
            #expect(asked[] == 3, "each is asked once, and then waited for")
        }
        await client.close()
    }

    @Test func theChildrenOfAnUnservedParentFollowTheirPolicies() async throws {
        let database = MemoryDatabase()
        let begun = Gate()
        var configuration = EngineConfiguration.test
        configuration.codec = Reversed()
        // More than a page of history, written with a codec that the second engine does not have.
        try await withEngine(store: .memory(database), configuration: configuration) {
            Parent(begun: begun)
        } body: { engine in
            try await engine.start(Parent.self, 1_100, id: "parent")
            await begun.wait()
        }
        try await withEngine(store: .memory(database), configuration: .test) {
            Sleepy(ran: Counter())
        } body: { engine in
            let abandoned = try await engine.handle(of: Sleepy.self, id: "a")
            try await waitWhile { try await abandoned.status().state != .running }
            try await engine.client.terminate("parent")
            for (id, state) in [("t", WorkflowStatus.State.terminated), ("c", .cancelled), ("last", .terminated)] {
                _ = await #expect(throws: WorkflowError.self) { try await engine.handle(of: Sleepy.self, id: id).result() }
                #expect(try await engine.client.status(of: id).state == state)
            }
            #expect(try await abandoned.status().state == .running)
            #expect(try await engine.client.status(of: "parent").state == .terminated)
        }
    }

    /// Starts a workflow `Waits` whose engine died between the start of its child under an id and the row that tells of it.
    private func bereft(_ store: any StoreBackend, _ policy: ParentClosePolicy, isCancelled: Bool = false) async throws -> String {
        let number = try await store.numberBlock().first
        let child = WorkflowRecord(
            number: number + 1, id: "child", lane: Lane(workflow: "Unserved"), input: .void,
            parent: ParentLink(number: number, key: "@child:Unserved[child]", closePolicy: policy.stored), created: 5)
        try await store.register(77, label: "an earlier life", lease: .seconds(60))
        let writer = try await store.writer(0, for: 77)
        _ = try await writer.commit([.start(WorkflowRecord(number: number, lane: Lane(workflow: "Waits"), input: .void, created: 5))])
        _ = try await store.start([(child, IDPolicies())], by: 77, isOwned: false)
        if isCancelled {
            let reason = CancelReason.requested.payload
            _ = try await writer.commit([
                .step(StepRecord(workflow: number, key: "@cancel", order: 1, kind: .cancel, output: reason, started: 6, finished: 6))
            ])
        }
        await writer.close()
        try await store.retire(77)
        return Names.publicID(number)
    }

    @Test(arguments: [(ParentClosePolicy.terminate, WorkflowStatus.State.terminated), (.cancel, .cancelled), (.abandon, .queued)])
    func aChildThatNoHistoryNamesFollowsItsPolicy(policy: ParentClosePolicy, state: WorkflowStatus.State) async throws {
        let database = MemoryDatabase()
        let client = try await client(database)
        let parent = try await bereft(client.core.store, policy)
        try await withEngine(store: .memory(database), configuration: .test) {
            Sleepy(ran: Counter())
        } body: { engine in
            try await engine.client.terminate(parent)
            try await waitWhile { try await engine.client.status(of: parent).state != .terminated }
            try await waitWhile { try await engine.client.status(of: "child").state != state }
        }
        await client.close()
    }

    /// The replay meets the cancel before it has come to the child.
    @Test func aChildWhoseStartACancelCutsOffFollowsItsPolicy() async throws {
        let database = MemoryDatabase()
        let client = try await client(database)
        let parent = try await bereft(client.core.store, .terminate, isCancelled: true)
        try await withEngine(store: .memory(database), configuration: .test) {
            Waits()
        } body: { engine in
            try await waitWhile { try await engine.client.status(of: parent).state != .cancelled }
            try await waitWhile { try await engine.client.status(of: "child").state != .terminated }
        }
        await client.close()
    }

    /// The reply to its start is lost, and its parent ends before anybody has asked again.
    @Test func aChildWhoseStartIsInDoubtFollowsItsPolicy() async throws {
        let database = MemoryDatabase()
        let starts = Counter()
        try await withEngine(store: .memory(database), configuration: .test) {
            Waits()
        } body: { engine in
            _ = try await engine.registered()
            database.faults = { operation in
                guard operation.kind == .start, operation.executor != nil else { return nil }
                // Of the first, only the reply is lost; the next ones do not get through.
                if operation.moment == .after { return starts.add() == 1 ? StoreError(.unavailable, "the reply is lost") : nil }
                return starts[] >= 1 && starts["open"] == 0 ? StoreError(.unavailable, "the line is cut") : nil
            }
            let parent = try await engine.start(Waits.self)
            try await waitWhile { await (try? engine.client.status(of: "child").state) != .queued }
            try await parent.terminate()
            try await waitWhile { try await parent.status().state != .terminated }
            starts.add("open")
            try await waitWhile { try await engine.client.status(of: "child").state != .terminated }
        }
    }

    @Test func aParentHearsOfAChildThatNobodyServes() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Waits()
        } body: { engine in
            let parent = try await engine.start(Waits.self)
            try await waitWhile { await (try? engine.client.status(of: "child").state) != .queued }
            try await engine.client.terminate("child")
            let error = await #expect(throws: WorkflowError.self) { try await parent.result() }
            #expect(error?.code == .terminated)
        }
    }

    /// The store cannot read it: set aside, and ended all the same.
    @Test func whatCannotBeReadIsTerminated() async throws {
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .test) {
            Unserved()
        } body: { engine in
            database.faults = { $0.kind == .load && $0.moment == .before ? StoreError(.rejected, "nobody reads this") : nil }
            let handle = try await engine.start(Unserved.self, id: "x", options: StartOptions(delay: .milliseconds(1)))
            _ = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(try await handle.status().reason?.contains("nobody reads this") == true)
            let new = try await engine.client.start(
                Unserved.self, id: "x", options: StartOptions(conflictPolicy: .terminateExisting, version: "2"))
            #expect(try await handle.status().state == .terminated)
            #expect(try await new.status().state == .queued)
        }
    }

    /// It arrives while the workflow still has an owner, who is about to give it away.
    @Test func aTerminateThatMeetsAHandBackIsNotLost() async throws {
        let database = MemoryDatabase()
        let (reached, seen) = (Gate(), Gate())
        let (isHeld, isAsked) = (Lock(true), Lock(false))
        try await withEngine(store: .memory(database), configuration: .test) {
            Changed()
        } body: { engine in
            database.faults = { operation in
                let handsBack = operation.commands.contains { if case .setAside = $0 { true } else { false } }
                if operation.kind == .claimArrived, operation.moment == .after, isAsked.withLock({ $0 }) { seen.open() }
                guard handsBack, operation.moment == .before, isHeld.withLock({ $0 }) else { return nil }
                reached.open()
                return StoreError(.transient, "held up")
            }
            let client = try await client(database)
            // What cannot be decoded is set aside.
            try await client.start(Sleepy.self, id: "x")
            await reached.wait()
            isAsked.withLock { $0 = true }
            try await client.terminate("x")
            await seen.wait()
            isHeld.withLock { $0 = false }
            while try await client.status(of: "x").state != .terminated { try await Task.sleep(for: .milliseconds(2)) }
            await client.close()
        }
    }

    /// What waits and is not served becomes ready for others when something arrives for it; a terminate ends it all the same.
    @Test func aTerminateThatComesAfterWhatWokeItInVainIsNotLost() async throws {
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .test) {
            Changed()
        } body: { _ in
            let client = try await client(database)
            try await waiting("y", in: database, client)
            try await waitWhile { try await client.status(of: "y").state != .queued }
            try await client.terminate("y")
            try await waitWhile { try await client.status(of: "y").state != .terminated }
            await client.close()
        }
    }

    /// A workflow of a type that is not served waits, and is woken in vain.
    private func waiting(_ id: String, in database: MemoryDatabase, _ client: Client) async throws {
        let store = try await Store.memory(database).open(StoreSettings())
        try await store.register(77, label: "", lease: .seconds(600))
        let handle = try await client.start(Unserved.self, id: id)
        let claimer = try await store.claimer(for: 77)
        _ = try await claimer.claimReady(Repertoire(workflows: ["Unserved"], versions: [""]), limit: 1)
        _ = try await store.writer(0, for: 77).commit([
            .step(StepRecord(workflow: handle.number, key: "done", order: 1, kind: .step, started: 0, finished: 0)),
            .suspend(handle.number, due: .max),
        ])
        try await client.cancel(id)
        await store.close()
    }
}

@Suite(.timeLimit(.minutes(1)))
struct CancelUnbegunTests {
    @Test(arguments: [nil, Duration.hours(1)], [true, false])
    func whatHasNotBegunEndsWithoutRunning(delay: Duration?, isServed: Bool) async throws {
        let database = MemoryDatabase()
        let ran = Counter()
        let client = try await Client(store: .memory(database), configuration: .test)
        let handle = try await client.start(
            Sleepy.self, id: "x", options: StartOptions(delay: delay, version: isServed ? nil : "another"))
        if delay == nil, isServed { try await handle.cancel() }
        try await withEngine(store: .memory(database), configuration: .test) {
            Sleepy(ran: ran)
        } body: { _ in
            if delay != nil || !isServed { try await handle.cancel() }
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .cancelled)
            #expect(try await handle.status().state == .cancelled)
            #expect(ran["begun"] == 0)
        }
        await client.close()
    }

    /// It has done nothing that is recorded, but it has been an engine's: its code is told.
    @Test func whatHasBegunIsToldOfItsCancel() async throws {
        let database = MemoryDatabase()
        let ran = Counter()
        try await withEngine(store: .memory(database), configuration: .test) {
            Sleepy(ran: ran)
        } body: { engine in
            try await engine.start(Sleepy.self, id: "x")
            try await waitWhile { ran["begun"] == 0 }
        }
        let client = try await Client(store: .memory(database), configuration: .test)
        try await client.cancel("x")
        try await withEngine(store: .memory(database), configuration: .test) {
            Sleepy(ran: ran)
        } body: { engine in
            let handle = try await engine.handle(of: Sleepy.self, id: "x")
            _ = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(try await handle.status().state == .cancelled)
        }
        #expect(ran["begun"] == 2 && ran["cancelled"] == 1)
        await client.close()
    }

    @Test func whatWasSetAsideIsCancelledWhenItIsResumed() async throws {
        let database = MemoryDatabase()
        let ran = Counter()
        let client = try await Client(store: .memory(database), configuration: .test)
        let handle = try await client.start(Sleepy.self, id: "x")
        try await withEngine(store: .memory(database), configuration: .test) {
            Changed()
        } body: { _ in
            _ = await #expect(throws: WorkflowError.self) { try await handle.result() }
        }
        try await handle.cancel()
        try await withEngine(store: .memory(database), configuration: .test) {
            Sleepy(ran: ran)
            Unserved()
        } body: { engine in
            try await engine.start(Unserved.self).result()
            #expect(try await handle.status().state == .setAside)
            #expect(try await handle.resume())
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .cancelled)
        }
        await client.close()
    }
}
