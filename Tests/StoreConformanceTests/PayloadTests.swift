internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct PayloadTests {
    static let payloads: [EncodedPayload] = [
        .void, EncodedPayload(codec: 1, bytes: []), EncodedPayload(codec: 1, bytes: [0]), EncodedPayload(codec: 1, bytes: [0, 0, 0]),
        EncodedPayload(codec: .max, bytes: Array(0...255)), EncodedPayload(codec: -1, bytes: Array((0...255).reversed())),
        EncodedPayload(codec: 1, bytes: Array("{\"a\":\"\\u0000 \\\\ ' \"\" $1 ?1\"}".utf8)),
        EncodedPayload(codec: 1, bytes: [0xFF, 0xFE, 0x80]),
    ]

    @Test(arguments: StoreUnderTest.available)
    func `bytes come back as they were, wherever they are kept`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let large = EncodedPayload(codec: 2, bytes: (0..<(2 * 1024 * 1024)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) })
            for payload in Self.payloads + [large] {
                var record = try await fixture.record()
                record.input = payload
                record.attributes = payload
                let number = record.number
                var row = step(number, "a", 1, output: payload)
                row.error = payload
                let attempt = PendingRecord(workflow: number, key: "b", attempt: 1, started: 1, error: payload, progress: payload)
                let item = InboxItem(workflow: number, kind: .cancel, payload: payload)
                try await executor.commit([.start(record), .step(row), .pending(attempt), .deliver(item)])
                let loaded = try await fixture.load(number)
                #expect(loaded.record == record)
                #expect(loaded.history == [row])
                #expect(loaded.pending == [attempt])
                #expect(loaded.inbox.map(\.payload) == [payload])
                #expect(try await fixture.status(number).pending == [attempt])
                let end = Outcome(workflow: number, status: .failed, output: payload, error: payload, finished: 7)
                try await executor.commit(.finish(end, parent: nil))
                #expect(try await fixture.status(number).outcome == end)
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `starts and deliveries of clients keep their bytes`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            for payload in Self.payloads {
                var record = try await fixture.record(id: "of codec \(payload.codec) and \(payload.bytes)")
                record.input = payload
                record.attributes = payload
                #expect(try await fixture.backend.start([(record, IDPolicies())], owner: nil) == [.started(owned: false)])
                try await fixture.backend.deliver([InboxItem(workflow: record.number, kind: .cancel, payload: payload)])
                let loaded = try await fixture.load(record.number)
                #expect(loaded.record == record)
                #expect(loaded.inbox.map(\.payload) == [payload])
                let transaction = try await fixture.backend.begin(.serializable, for: nil)
                let row = step(record.number, "t", nil, kind: .transaction, output: payload)
                #expect(try await transaction.commit(row, hadPending: false).isDone)
                #expect(try await fixture.load(record.number).unordered == [row])
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `text of any language, and 500 bytes of it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let texts = [
                "👩‍👩‍👧‍👦 '\"; DROP TABLE live; --", "Ümläut\n\t\\ {1,2} NULL", "日本語", "\u{1}\u{7f}\u{feff}\u{fffd}", "é", "e\u{301}", " ", "%_",
                String(Keys.random(500)), String(repeating: "é", count: 250),
            ]
            for text in texts {
                let lane = Lane(queue: text, key: text, workflow: text, version: text)
                let record = try await fixture.record(id: text, lane: lane)
                #expect(try await fixture.backend.start([(record, IDPolicies())], owner: nil) == [.started(owned: false)])
                #expect(try await fixture.backend.number(ofID: text) == record.number)
                let repertoire = Repertoire(workflows: [text], versions: [text], queues: [text])
                let claimed = try await executor.claimer.claimReady(repertoire, limit: 9)
                #expect(claimed.map(\.number) == [record.number])
                try await executor.commit([.step(step(record.number, text + text, 1)), .pending(pending(record.number, text))])
                let loaded = try await fixture.load(record.number)
                #expect(Array(loaded.record.id?.utf8 ?? "".utf8) == Array(text.utf8))
                #expect(Array(loaded.record.lane.key.utf8) == Array(text.utf8))
                #expect(loaded.record == record)
                #expect(loaded.history.map(\.key) == [text + text])
                #expect(loaded.pending.map(\.key) == [text])
                try await executor.commit(.setAside(record.number, reason: text, at: Fixture.moment))
                #expect(try await fixture.status(record.number).reason == text)
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a key with a NUL is refused or kept, never cut`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let key = "cut\0here"
            let writes: [Command] = [.pending(pending(number, key)), .step(step(number, key, 1))]
            for write in writes {
                do {
                    try await executor.commit(write)
                } catch let error as StoreError {
                    #expect(error.code == .rejected && error.message.contains("NUL"), "\(error)")
                }
            }
            let loaded = try await fixture.load(number)
            #expect(loaded.history.allSatisfy { $0.key == key } && loaded.pending.allSatisfy { $0.key == key })
            #expect(try await executor.commit(.step(step(number, "cut", 2))).isDone)
            let transaction = try await fixture.backend.begin(.serializable, for: nil)
            do {
                _ = try await transaction.commit(step(number, key, nil), hadPending: false)
            } catch let error as StoreError {
                #expect(error.code == .rejected && error.message.contains("NUL"), "\(error)")
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `extreme numbers and moments`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers: [WorkflowNumber] = [.max, .max - 1, 1]
            for number in numbers {
                var record = WorkflowRecord(number: number, lane: Lane(priority: .max, workflow: "flow"), input: .void, created: .max)
                record.deadline = .max
                record.parent = ParentLink(number: .max, key: "k", closePolicy: .abandon)
                try await executor.commit([.start(record), .step(step(number, "a", .max)), .step(step(number, "b", 0))])
                let loaded = try await fixture.load(number)
                #expect(loaded.record == record)
                #expect(loaded.history.map(\.order) == [0, .max])
            }
        }
    }
}
