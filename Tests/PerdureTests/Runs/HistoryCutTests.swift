@testable import Perdure
import PerdureTesting
import Testing

/// What a new run takes over of a history.
struct HistoryCutTests {
    private struct Row {
        var key: String
        var kind: StepKind = .step
        var output: String? = "\"done\""
        var error: String?
        var isPlaced = true

        static func failed(_ key: String, _ error: String, _ kind: StepKind = .step) -> Row {
            Row(key: key, kind: kind, output: nil, error: error)
        }

        static func child(_ key: String, _ number: WorkflowNumber) -> Row {
            Row(key: key, kind: .childStart, output: #"{"id":"c","number":\#(number),"onClose":1}"#)
        }
    }

    private static func json(_ text: String) -> EncodedPayload { EncodedPayload(codec: 1, bytes: Array(text.utf8)) }

    private static func history(
        _ rows: [Row], _ status: OutcomeStatus = .failed, error: String? = nil, origin: RunOrigin? = nil
    ) -> RecordedHistory {
        var steps: [StepRecord] = []
        var place: Int64 = 0
        for row in rows {
            if row.isPlaced { place += 1 }
            // What gives a place names another row in plain text.
            let output = row.kind == .order ? row.output.map { EncodedPayload(codec: 0, bytes: Array($0.utf8)) } : row.output.map(json)
            steps.append(
                StepRecord(
                    workflow: 7, key: row.key, order: row.isPlaced ? place : nil, kind: row.kind, output: output,
                    error: row.error.map(json),
                    started: place * 10, finished: place * 10 + 5))
        }
        return RecordedHistory(
            record: WorkflowRecord(number: 7, lane: Lane(workflow: "act"), input: .void, created: 1), steps: steps,
            outcome: Outcome(workflow: 7, status: status, error: error.map(json), finished: 1_000), origin: origin?.text)
    }

    private static func rewound(_ rows: [Row], _ status: OutcomeStatus = .failed, error: String? = nil) -> HistoryCut {
        HistoryCut(rewinding: history(rows, status, error: error))
    }

    private static func keys(_ cut: HistoryCut) -> [String] { cut.kept.map(\.key) }

    @Test func `a fork has what is before the step, and nothing else`() throws {
        let history = Self.history([Row(key: "a"), Row(key: "b"), Row(key: "c")], .completed)
        #expect(Self.keys(try HistoryCut(history, beforeStep: "b")) == ["a"])
        #expect(Self.keys(try HistoryCut(history, beforeStep: "a")) == [])
        let third = try HistoryCut(history, beforePlace: 3)
        #expect(Self.keys(third) == ["a", "b"] && third.step == "c")
    }

    @Test func `children that were started together are taken over when all of their ends were read`() throws {
        let (start, ends) = (Names.start(ofGroup: Names.group("ship")), Names.ends(ofGroup: Names.group("ship")))
        let block = String(decoding: try ChildBlock(first: 100, count: 2, index: 0, onClose: 1).encoded().bytes, as: UTF8.self)
        func page(_ index: Int) -> String { "[[\(index),\(OutcomeStatus.completed.rawValue),1,1,7]]" }
        let rows = [
            Row(key: start, kind: .childrenStart, output: block), Row(key: ends, kind: .childrenEnded, output: page(1)),
            Row(key: ends + "#2", kind: .childrenEnded, output: page(0)), Row(key: "c"),
        ]
        let history = Self.history(rows)
        #expect(try HistoryCut(history, beforeStep: "c").unreadGroup == nil)
        let short = try #require(try HistoryCut(history, beforePlace: 3).unreadGroup)
        #expect(short.start == start && short.unread == 1)
        #expect(try HistoryCut(history, beforePlace: 2).unreadGroup?.unread == 2)
        #expect(try HistoryCut(history, beforePlace: 1).unreadGroup == nil)
    }

    @Test func `a step or a place that the history does not hold is an error that says which there are`() {
        let history = Self.history([Row(key: "a"), Row(key: "b")])
        let step = #expect(throws: WorkflowError.self) { _ = try HistoryCut(history, beforeStep: "x") }
        #expect(step?.code == .unknownStep && step?.message.contains("'a', 'b'") == true)
        for place in [0, 3] {
            let error = #expect(throws: WorkflowError.self) { _ = try HistoryCut(history, beforePlace: place) }
            #expect(error?.code == .unknownStep && error?.message.contains("1 to 2") == true)
        }
    }

    @Test func `a transaction that got its place later is cut at that place`() throws {
        let rows = [
            Row(key: "a"), Row(key: "pay", kind: .transaction, isPlaced: false), Row(key: "b"),
            Row(key: "@order#3", kind: .order, output: "pay"), Row(key: "c"),
        ]
        let history = Self.history(rows, .completed)
        let before = try HistoryCut(history, beforeStep: "pay")
        #expect(Self.keys(before) == ["a", "b"] && before.unordered == [])
        let behind = try HistoryCut(history, beforeStep: "c")
        #expect(Self.keys(behind) == ["a", "b", "@order#3"] && behind.unordered == ["pay"])
        #expect(try HistoryCut(history, beforePlace: 3).step == "pay")
    }

    @Test func `what made it fail is the row with its very error`() {
        let rows = [Row(key: "a"), Row.failed("b", "1"), Row.failed("b#2", "2"), Row(key: "c")]
        #expect(Self.keys(Self.rewound(rows, error: "2")) == ["a", "b"])
        #expect(Self.rewound(rows, error: "2").step == "b#2")
    }

    @Test func `an error that the code has made another of is the last row`() {
        #expect(Self.keys(Self.rewound([Row(key: "a"), Row.failed("b", "1")], error: "9")) == ["a"])
    }

    @Test func `an error behind which the code went on did not make it fail`() {
        let rows = [Row(key: "a"), Row.failed("b", "1"), Row(key: "c")]
        let cut = Self.rewound(rows, error: "9")
        #expect(Self.keys(cut) == ["a", "b", "c"] && cut.step == nil)
    }

    @Test func `a cancel and compensations are left out, and the error before them`() {
        let rows = [Row(key: "a"), Row.failed("b", "1"), Row(key: "@undo:a"), Row.failed("@undo:z", "3")]
        #expect(Self.keys(Self.rewound(rows, error: "1")) == ["a"])
        #expect(Self.keys(Self.rewound(rows, error: "compensation failed")) == ["a"])
        let cancelled = [Row(key: "a"), Row(key: "@cancel", kind: .cancel), Row.failed("b", "1"), Row(key: "@undo:a")]
        #expect(Self.keys(Self.rewound(cancelled, .cancelled, error: "cancelled")) == ["a"])
        #expect(Self.keys(Self.rewound(cancelled, .timedOut, error: "timed out")) == ["a"])
    }

    @Test func `a step of the user's that is named like a compensation is none`() {
        #expect(Self.keys(Self.rewound([Row(key: "\\@undo:a"), Row(key: "b")], .terminated)) == ["\\@undo:a", "b"])
    }

    @Test func `what was terminated has all of its history`() {
        #expect(Self.keys(Self.rewound([Row(key: "a"), Row.failed("b", "1")], .terminated)) == ["a", "b"])
    }

    @Test func `transactions that have committed behind the failure are taken over without a place`() {
        let rows = [
            Row(key: "a"), Row.failed("b", "1"), Row(key: "pay", kind: .transaction), Row.failed("book", "1", .transaction), Row(key: "c"),
        ]
        let cut = Self.rewound(rows, error: "1")
        // The last with that error is the failed transaction; what is before it stays in its place.
        #expect(Self.keys(cut) == ["a", "b", "pay"] && cut.unordered == [])
        let earlier = Self.rewound([Row(key: "a"), Row.failed("b", "1"), Row(key: "pay", kind: .transaction), Row(key: "c")], error: "1")
        #expect(Self.keys(earlier) == ["a"] && earlier.unordered == ["pay"])
        #expect(earlier.keptKeys == ["a", "pay"])
    }

    @Test func `a child that failed is started anew`() {
        let rows = [Row(key: "a"), Row.child("@child:ship", 9), Row(key: "b"), Row.failed("@child:ship/result", "1", .childResult)]
        let cut = Self.rewound(rows, error: "1")
        #expect(Self.keys(cut) == ["a"] && cut.step == "@child:ship")
    }

    @Test func `children whose end is not taken over are known, and those that came to no good end are left out`() {
        let rows = [
            Row(key: "a"), Row.child("@child:ship", 9), Row(key: "b"), Row.child("@child:bill", 10), Row.child("@child:mail", 11),
            Row(key: "@child:mail/result", kind: .childResult), Row.failed("c", "1"),
        ]
        var cut = Self.rewound(rows, error: "1")
        #expect(cut.children == [9, 10])
        cut.exclude([10])
        #expect(Self.keys(cut) == ["a", "@child:ship", "b"] && cut.children == [9])
        cut.exclude([9])
        #expect(Self.keys(cut) == ["a"] && cut.children == [])
    }

    @Test func `events are as new as the rows that are taken over`() throws {
        let rows = [
            Row(key: "@event:state", kind: .event, output: "1"), Row(key: "@event:state#2", kind: .event, output: "2"),
            Row(key: "@event:state2", kind: .event, output: "9"), Row(key: "a"), Row(key: "@event:state#3", kind: .event, output: "3"),
        ]
        let cut = try HistoryCut(Self.history(rows, .completed), beforeStep: "a")
        let told = ["state", "state2", "other"].map { EventRecord(workflow: 7, name: $0, value: Self.json("0"), published: 0) }
        let events = cut.events(told, of: 8)
        #expect(events.map(\.name) == ["state", "state2"] && events.map(\.value) == [Self.json("2"), Self.json("9")])
        #expect(events.allSatisfy { $0.workflow == 8 })
    }

    @Test func `values of streams are those of the rows that are taken over, without a gap`() throws {
        let rows = [
            Row(key: "@append:log", kind: .append, output: "1"), Row(key: "a"), Row(key: "@append:log#2", kind: .append, output: "2"),
            Row(key: "b"),
        ]
        let cut = try HistoryCut(Self.history(rows, .completed), beforeStep: "b")
        func value(_ offset: Int64, _ text: String, at: Microseconds, step: String? = nil) -> StreamRecord {
            StreamRecord(workflow: 7, stream: "log", offset: offset, value: Self.json(text), appended: at, step: step)
        }
        let values = [
            value(0, "1", at: 15), value(1, "from b", at: 16, step: "b"), value(2, "from a", at: 17, step: "a"), value(3, "2", at: 35),
            value(4, "2", at: 45),
        ]
        let taken = cut.stream(values, of: 8)
        #expect(taken.map(\.value) == [Self.json("1"), Self.json("from a"), Self.json("2")])
        #expect(taken.map(\.offset) == [0, 1, 2] && taken.allSatisfy { $0.workflow == 8 })
    }

    @Test func `messages that were received behind the cut are to be received again`() {
        let topic = "a#b[c]\\d"
        let rows = [
            Row(key: "@receive:go", kind: .receive, output: "1"), Row.failed("b", "1"),
            Row(key: "@receive:" + Names.key(topic, id: nil) + "#2", kind: .receive, output: "2"),
            Row(key: "@receive:go#2", kind: .receive, output: nil),
        ]
        let messages = Self.rewound(rows, error: "1").messages(for: 8)
        #expect(messages == [InboxItem(workflow: 8, kind: .message, payload: Self.json("2"), topic: topic)])
    }

    @Test func `the origin is that of the first run, and time turns where each history ends`() throws {
        let rows = [Row(key: "a"), Row(key: "b"), Row(key: "c")]
        let first = Self.history(rows, .completed)
        let origin = RunOrigin(after: first, copying: try HistoryCut(first, beforeStep: "c"), at: 500, keepsEffects: true)
        #expect(origin == RunOrigin(number: 7, created: 1, effects: 7, turns: [RunOrigin.Turn(place: 2, at: 500)]))
        var second = Self.history(rows, .completed, origin: origin)
        second.record.number = 8
        let again = RunOrigin(after: second, copying: HistoryCut(rewinding: second), at: 900, keepsEffects: true)
        #expect(again.number == 7 && again.effects == 7 && again.began == 1)
        #expect(again.turns == [RunOrigin.Turn(place: 2, at: 500), RunOrigin.Turn(place: 3, at: 900)])
        let fork = RunOrigin(after: second, copying: try HistoryCut(second, beforeStep: "b"), at: 900, keepsEffects: false)
        #expect(fork.effects == nil && fork.turns == [RunOrigin.Turn(place: 1, at: 900)])
        #expect(RunOrigin(again.text) == again)
    }

    @Test func `a replay tells the time of the new run where the copied rows end`() throws {
        let origin = RunOrigin(number: 7, created: 1, effects: nil, turns: [RunOrigin.Turn(place: 1, at: 500)])
        let row = StepRecord(workflow: 8, key: "a", order: 1, kind: .step, started: 2, finished: 3)
        let record = WorkflowRecord(number: 8, lane: Lane(workflow: "act"), input: .void, created: 400)
        var state = RunState(LoadedWorkflow(record: record, history: [row], origin: origin.text))
        #expect(state.now == 1)
        _ = try state.register("a", kind: .step, exclusive: true)
        guard case .resume = state.next() else {
            Issue.record("the row is not delivered")
            return
        }
        #expect(state.now == 500)
    }
}
