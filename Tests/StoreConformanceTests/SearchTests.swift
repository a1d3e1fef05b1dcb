internal import Foundation
internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct SearchTests {
    @Test(arguments: StoreUnderTest.available)
    func `every state is found by its name`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(10, by: executor)
            let ends: [OutcomeStatus] = [.completed, .failed, .cancelled, .terminated, .timedOut, .expired]
            try await executor.commit(
                ends.enumerated().map { .finish(outcome(numbers[$0], $1), parent: nil) } + [
                    .suspend(numbers[6], due: Fixture.future), .release(numbers[7]),
                    .setAside(numbers[8], reason: "broken", at: Fixture.moment),
                ])
            let delayed = try await fixture.ready(due: Fixture.future)
            let words: [(String, [WorkflowNumber])] = [
                ("completed", [numbers[0]]), ("failed", [numbers[1]]), ("cancelled", [numbers[2]]), ("terminated", [numbers[3]]),
                ("timed_out", [numbers[4]]), ("expired", [numbers[5]]), ("waiting", [numbers[6]]), ("queued", [numbers[7]]),
                ("'set aside'", [numbers[8]]), ("running", [numbers[9]]), ("scheduled", [delayed]),
                ("open", Array(numbers[6...]) + [delayed]),
                ("closed", Array(numbers[..<6])),
            ]
            for (word, expected) in words {
                #expect(try await fixture.find("status = \(word)") == expected.sorted(by: >), "\(word)")
                #expect(try await fixture.find("not status != \(word)", newestFirst: false) == expected.sorted(), "\(word)")
            }
            #expect(try await fixture.find("status in (failed, timed_out, running)") == [numbers[9], numbers[4], numbers[1]].sorted(by: >))
            #expect(try await fixture.find("due > 2099-01-01") == [numbers[6], delayed].sorted(by: >))
            #expect(try await fixture.backend.count(.closed, now: Fixture.now, upTo: .max) == 6)
            #expect(try await fixture.backend.count(.closed, now: Fixture.now, upTo: 4) == 4)
            #expect(try await fixture.backend.count(.all, now: Fixture.now, upTo: 0) == 0)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a workflow in a list is shown whole, but for what may be large`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var parent = try await fixture.record(id: "order ✂︎")
            parent.attributes = SearchAttribute.encoded(["customer": "acme", "amount": 12])
            parent.deadline = Fixture.future
            _ = try await fixture.backend.start([(parent, IDPolicies())], owner: executor.id)
            var child = try await fixture.record("child", lane: Lane(queue: "q", key: "k", priority: 3, workflow: "child", version: "v"))
            child.parent = ParentLink(number: parent.number, key: "child", closePolicy: .cancel)
            try await executor.commit([
                .startChild(child, owned: true, step: step(parent.number, "child", 1, kind: .childStart)),
                .finish(outcome(child.number, .failed), parent: nil), .setAside(parent.number, reason: "broken", at: Fixture.moment),
            ])
            let found = try await fixture.backend.search(SearchRequest(.all, now: Fixture.now, newestFirst: false))
            let summaries = found.map { WorkflowSummary($0, now: Fixture.now) }
            #expect(summaries.map(\.id) == ["order ✂︎", Names.publicID(child.number)])
            #expect(summaries[0].state == .setAside && summaries[0].reason == "broken" && summaries[0].parentID == nil)
            #expect(summaries[0].attributes == ["customer": "acme", "amount": 12] && summaries[0].deadlineAt != nil)
            #expect(summaries[1].state == .failed && summaries[1].parentID == "order ✂︎" && summaries[1].finishedAt != nil)
            #expect(summaries[1].queue == "q" && summaries[1].key == "k" && summaries[1].priority == 3 && summaries[1].version == "v")
            #expect(found.allSatisfy { $0.status.record.input == .void && $0.status.outcome?.error == nil })
            #expect(try await fixture.find("parent = 'order ✂︎'") == [child.number])
            #expect(try await fixture.find("parent in ('\(Names.publicID(parent.number))', 'x')") == [child.number])
            #expect(try await fixture.find("missing parent and id starts with 'order'") == [parent.number])
        }
    }

    /// All runs under an id are found, not the newest alone.
    @Test(arguments: StoreUnderTest.available)
    func `ids`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var runs: [WorkflowNumber] = []
            for _ in 0..<3 {
                let record = try await fixture.record(id: "again")
                _ = try await fixture.backend.start([(record, IDPolicies(reuse: .allowDuplicate))], owner: executor.id)
                try await executor.commit(.finish(outcome(record.number), parent: nil))
                runs.insert(record.number, at: 0)
            }
            let plain = try await fixture.ready()
            #expect(try await fixture.find("id = 'again'") == runs)
            #expect(try await fixture.find("id = '\(Names.publicID(plain))'") == [plain])
            // That run has an id of its own.
            #expect(try await fixture.find("id = '\(Names.publicID(runs[0]))'") == [])
            #expect(try await fixture.find("id in ('again', '\(Names.publicID(plain))')") == ([plain] + runs).sorted(by: >))
            #expect(try await fixture.find("id != 'again'") == [plain])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `attributes come with every way to start`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let attributes = SearchAttribute.encoded(["customer": "acme", "tags": ["a", "b"]])
            func record(_ id: String? = nil) async throws -> WorkflowRecord {
                var record = try await fixture.record(id: id)
                record.attributes = attributes
                return record
            }
            var records: [WorkflowRecord] = []
            for id in [nil, "named", nil, "in", nil] { records.append(try await record(id)) }
            _ = try await fixture.backend.start([(records[0], IDPolicies()), (records[1], IDPolicies())], owner: nil)
            try await executor.commit([.start(records[2])])
            let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
            _ = try await transaction.start([(records[3], IDPolicies())])
            #expect(try await fixture.find("customer = 'acme'").count == 3)
            _ = try await transaction.commit(nil, hadPending: false)
            records[4].parent = ParentLink(number: records[2].number, key: "child", closePolicy: .cancel)
            let row = step(records[2].number, "child", 1, kind: .childStart)
            try await executor.commit(.startChild(records[4], owned: false, step: row))
            let expected = records.map(\.number).sorted(by: >)
            // Sent again they are the same.
            try await executor.commit([.start(records[2]), .startChild(records[4], owned: false, step: row)])
            _ = try await fixture.backend.start([(records[0], IDPolicies()), (records[1], IDPolicies())], owner: nil)
            // And of one that was not started there is nothing.
            var other = try await record()
            other.parent = records[4].parent
            let lost = try await executor.commit(
                .startChild(other, owned: false, step: step(records[2].number, "child", 1, kind: .childStart, output: nil)))
            #expect(lost.recorded == row)
            for filter in [
                "customer = 'acme'", "tags = 'b'", "tags in ('a', 'b')", "exists tags", "customer starts with 'ac' and tags != 'c'",
            ] {
                #expect(try await fixture.find(filter) == expected, "\(filter)")
            }
            #expect(try await fixture.find("customer = 'Acme' or missing customer or tags = 'c'") == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is replaced is found by what it was given last`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            func enqueue(_ customer: String?) async throws -> WorkflowNumber {
                var record = try await fixture.record(lane: Lane(queue: "q", workflow: "flow"))
                record.attributes = customer.map {
                    SearchAttribute.encoded(["customer": .text($0), "paid": .date(Date(timeIntervalSince1970: 1))])
                }
                let policies = IDPolicies(deduplication: StoredDeduplication(key: "key", policy: .replace))
                switch try await fixture.backend.start([(record, policies)], owner: nil).first {
                case .existing(let number): return number
                default: return record.number
                }
            }
            let number = try await enqueue("first")
            #expect(try await fixture.find("customer = 'first' and paid < 1970-01-02") == [number])
            #expect(try await enqueue("second") == number)
            #expect(try await fixture.find("customer = 'first'") == [])
            #expect(
                try await fixture.find("customer = 'second' and paid = 1970-01-01T00:00:01Z and paid = '1970-01-01T00:00:01.0Z'") == [
                    number
                ])
            #expect(try await enqueue(nil) == number)
            #expect(try await fixture.find("exists customer or exists paid") == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a dead letter that is started again keeps its attributes`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var record = try await fixture.record(lane: Lane(queue: "q", workflow: "flow"))
            record.attributes = SearchAttribute.encoded([
                "text": "é", "int": 9_007_199_254_740_993, "number": 0.1, "yes": true, "list": ["b", "a", "b"], "none": [],
                "paid": .date(Date(timeIntervalSince1970: 1.5)),
            ])
            try await executor.commit([.start(record)])
            try await executor.commit(.finish(outcome(record.number, .failed), parent: nil, place: QueuePlace(queue: "q", key: "")))
            let new = try await fixture.number()
            #expect(try await fixture.backend.redrive([record.number: new], now: Fixture.now) == [record.number])
            for filter in [
                "text = 'é'", "int = 9007199254740993", "number = 0.1", "yes = true", "list = 'a'", "list = 'b'",
                "paid = 1970-01-01T00:00:01.5Z",
                "missing none",
            ] { #expect(try await fixture.find("\(filter) and text = 'é'") == [new, record.number].sorted(by: >), "\(filter)") }
            #expect(try await fixture.find("int = 9007199254740992 or number = 1 or yes = false or list = 'c'") == [])
        }
    }

    /// Nothing that is a value is ever taken for SQL.
    @Test(arguments: StoreUnderTest.available)
    func `hostile texts are texts`(_ kind: StoreUnderTest) async throws {
        let texts = [
            "' OR 1=1 --", "'; DROP TABLE perdure_workflows; --", "\"; DROP TABLE workflows; --", "$1", "?1", ":a", "@b", "%", "_", "\\",
            "\\'", "$perdure$",
            "{}", "E'\\n'", "NULL", "/* */", "x\u{202E}y", "🦉", "\u{1}", "\n", "a;b", "\"", "''", "${1}", "0x00",
        ]
        try await withStore(kind) { fixture in
            var numbers: [WorkflowNumber] = []
            for text in texts {
                var record = try await fixture.record()
                // A name of an attribute has no control characters.
                let name = text.unicodeScalars.contains { $0.value < 0x20 } ? "name" : text
                record.attributes = SearchAttribute.encoded([name: .text(text), "list": .list([text, "other"])])
                record.lane.key = text
                record.id = "id " + text
                _ = try await fixture.backend.start([(record, IDPolicies())], owner: nil)
                numbers.append(record.number)
                let filters: [WorkflowFilter] = [
                    .attribute(name) == .text(text), .attribute("list") == .text(text), .key == text, .id == "id " + text,
                    .attribute("list").isOne(of: [.text(text), "nothing"]), .key.isOne(of: [text]),
                    .id.starts(with: "id " + text) && .key == text,
                    .attribute("list") >= .text(text) && .attribute(name) == .text(text) && .key.starts(with: text),
                ]
                for filter in filters { #expect(try await fixture.find(filter) == [record.number], "\(text): \(filter.node)") }
                #expect(try await fixture.find(.parent == text) == [])
                #expect(try await fixture.find(.attribute(text).exists && !(.attribute(text) == .text(text))) == [])
            }
            #expect(try await fixture.find(.all) == numbers.sorted(by: >))
        }
    }
}

extension SearchTests {
    @Test(arguments: StoreUnderTest.available, [true, false])
    func `pages neither lose nor repeat while rows are inserted`(_ kind: StoreUnderTest, _ newestFirst: Bool) async throws {
        try await withStore(kind) { fixture in
            let before = try await fixture.readyMany(25)
            var (pages, last): ([[WorkflowNumber]], WorkflowNumber?) = ([], nil)
            var after: [WorkflowNumber] = []
            while pages.last?.isEmpty != true, pages.count < 30 {
                let request = SearchRequest(.open, now: Fixture.now, after: last, limit: 4, newestFirst: newestFirst)
                pages.append(try await fixture.backend.search(request).map(\.status.record.number))
                last = pages.last?.last ?? last
                if pages.count < 5 { after += try await fixture.readyMany(3) }
            }
            let seen = pages.flatMap { $0 }
            #expect(seen == (newestFirst ? before.reversed() : before + after))
            #expect(try await fixture.backend.search(SearchRequest(.open, now: Fixture.now, after: .min, limit: 4)).isEmpty)
            #expect(try await fixture.backend.search(SearchRequest(.open, now: Fixture.now, limit: 0)).isEmpty)
        }
    }

    /// The number is by the database's clock; a time of the start may bound it all the same.
    @Test(arguments: StoreUnderTest.available)
    func `times of the start`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let now = Microseconds(Date().timeIntervalSince1970 * 1_000_000)
            var record = try await fixture.record()
            record.created = now - 60_000_000
            _ = try await fixture.backend.start([(record, IDPolicies())], owner: nil)
            let old = try await fixture.ready()
            func find(_ text: String) async throws -> [WorkflowNumber] { try await fixture.find(WorkflowFilter(parsing: text), now: now) }
            #expect(try await find("started > -1h") == [record.number])
            #expect(try await find("started > -30s") == [])
            #expect(try await find("started < -30s and started > -90s") == [record.number])
            #expect(try await find("not started < -1h") == [record.number])
            // Its number is of today, its start was long ago: such clocks are out of the question, unless nothing depends on numbers.
            #expect(try await find("started < -1h or name = 'x'") == [old])
            // A test whose clock was turned far ahead.
            let later = now + 400 * 86_400_000_000
            #expect(try await fixture.find(.started > .ago(.seconds(401 * 86_400)), now: later) == [record.number])
        }
    }
}

extension Fixture {
    /// Long after all that tests start, and before what they delay.
    static let now: Microseconds = moment + 1_000_000_000

    func find(_ text: String, newestFirst: Bool = true) async throws -> [WorkflowNumber] {
        try await find(WorkflowFilter(parsing: text), newestFirst: newestFirst)
    }

    func find(_ filter: WorkflowFilter, now: Microseconds = now, newestFirst: Bool = true) async throws -> [WorkflowNumber] {
        try await backend.search(SearchRequest(filter, now: now, newestFirst: newestFirst)).map(\.status.record.number)
    }
}
