import Foundation
@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// A history goes through a file as it is.
@Suite(.timeLimit(.minutes(1)))
struct HistoryExportTests {
    private static func payload(_ text: String, codec: Int16 = 1) -> EncodedPayload {
        EncodedPayload(codec: codec, bytes: Array(text.utf8))
    }

    private static let everything: HistoryExport = {
        let payloads: [EncodedPayload?] = [
            payload("\"text\""), payload("{\"a\":1,\"b\":[true,null,0.1]}"), payload("18446744073709551615"), payload("-0.0"),
            payload("null"), payload("{\"b\":1, \"a\":2}"), payload("{\"a\":1,\"a\":2}"), payload("1.00000000000000000001"),
            payload("no json"), EncodedPayload(codec: 1, bytes: [0xFF, 0xFE]), payload("own bytes", codec: 100), .void, nil,
            payload("\"https:\\/\\/x\""),
        ]
        let steps = payloads.enumerated().map { index, payload in
            StepRecord(
                workflow: 1 << 62, key: "step#\(index)", order: index == 3 ? nil : Int64(index),
                kind: index == 3 ? .transaction : .childStart,
                output: payload, error: index == 5 ? payload : nil, started: 5, finished: .max, attempts: Int32(index + 1))
        }
        let record = WorkflowRecord(
            number: 1 << 62, id: "id ✂︎", lane: Lane(queue: "q", key: "k", priority: 3, workflow: "w", version: "1.2"),
            input: payload("[1]"), parent: ParentLink(number: 5, key: "@child:w", closePolicy: .cancel), attributes: payload("{}"),
            created: 1, due: 2, deadline: 3, expires: 4)
        return HistoryExport(
            RecordedHistory(
                record: record, steps: steps,
                pending: [PendingRecord(workflow: 1 << 62, key: "p", attempt: 2, started: 1, due: 2, error: .void, progress: payload("1"))],
                inbox: [InboxItem(sequence: 9, workflow: 1 << 62, kind: .childEnded, reference: 12, payload: payload("2"))],
                outcome: Outcome(workflow: 1 << 62, status: .timedOut, error: payload("{}"), finished: 8),
                origin: RunOrigin(number: 4, created: 2, effects: nil, turns: [RunOrigin.Turn(place: 3, at: 4)]).text))
    }()

    @Test func whatComesBackIsWhatWentIn() throws {
        #expect(try HistoryExport(line: Self.everything.line) == Self.everything)
        #expect(try !Self.everything.line.contains("\n"))
    }

    /// The words of the format are a contract.
    @Test func theFormat() throws {
        var past = Past("charge")
        past.begin("ship")
        #expect(
            try past.history.line
                == #"{"format":1,"pending":[{"attempts":1,"key":"ship","started":1}],"steps":[{"finished":2,"key":"charge","kind":"step","output":{"json":"charge"},"place":1,"started":1}],"workflow":{"created":0,"id":"act","input":{"json":""},"name":"act","run":"w0000000000000007"}}"#
        )
    }

    @Test(arguments: [
        #"{"format":2,"steps":[],"workflow":{"created":0,"input":{"codec":0},"name":"act","run":"w0000000000000007"}}"#,
        #"{"format":1,"steps":[],"workflow":{"created":0,"input":{"codec":0},"name":"act","run":"7"}}"#,
        #"{"format":1,"steps":[{"finished":2,"key":"a","kind":"dance","started":1}],"workflow":{"created":0,"input":{"codec":0},"name":"act","run":"w0000000000000007"}}"#,
        "{}", "",
    ])
    func whatIsNotUnderstoodIsAnError(line: String) {
        #expect(throws: (any Error).self) { try HistoryExport(line: line) }
    }

    @Test func manyInAFile() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "histories-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .patient) {
            Bystander()
            Act { context in
                try await context.step("long") { String(repeating: "x", count: 200_000) }
                try await context.sleep(for: .days(1))
                return ""
            }
        } body: { engine in
            for index in 0..<3 {
                let act = try await engine.start(Act.self, "", id: "act \(index)")
                try await waitWhile { database.copy(of: act.number)?.steps.isEmpty ?? true }
            }
            _ = try await engine.start(Bystander.self, 2, id: "closed").result()
            #expect(try await engine.client.exportHistories(to: path) == 3)
            let histories = try HistoryExport.read(path)
            #expect(histories.map(\.id) == ["act 0", "act 1", "act 2"])
            for history in histories {
                #expect(try await engine.client.exportHistory(of: history.id).recorded.steps == history.recorded.steps)
            }
            #expect(try await engine.client.exportHistories(to: path, of: HistorySelection(limit: 2)) == 2)
            #expect(try await engine.client.exportHistories(to: path, of: HistorySelection(workflow: "bystander")) == 0)
            #expect(try await engine.client.exportHistories(to: path, of: HistorySelection(since: .now + 60)) == 0)
            #expect(try await engine.client.exportHistories(to: path, of: HistorySelection(includesClosed: true)) == 4)
            let closed = try #require(try HistoryExport.read(path).last)
            #expect(closed.isClosed)
            try await replay(closed, of: Bystander())
        }
    }

    /// As a tool lays it out for people.
    @Test func oneOverManyLines() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "history-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted]
        try encoder.encode(Past("charge").history).write(to: URL(filePath: path))
        #expect(try HistoryExport.read(path) == [Past("charge").history])
        try Data("nothing\n".utf8).write(to: URL(filePath: path))
        #expect(throws: StoreError.self) { try HistoryExport.read(path) }
        #expect(throws: StoreError.self) { try HistoryExport.read(path + ".missing") }
    }
}
