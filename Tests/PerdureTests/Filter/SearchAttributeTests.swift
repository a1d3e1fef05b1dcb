internal import Foundation
internal import Perdure
internal import PerdureMemory
internal import Testing

@Suite struct SearchAttributeTests {
    private let all: [String: SearchAttribute] = [
        "text": "a \"quoted\" \\ \n text \u{1}", "int": 9_007_199_254_740_993, "whole": 12.0, "small": 1e-300, "no": false, "yes": true,
        "date": .date(Date(timeIntervalSince1970: 1_769_824_800.25)), "list": ["a", "b", "a"], "none": [], "é": "ü",
    ]

    @Test func `what is written is read again`() throws {
        let text = AttributeJSON.write(all)
        #expect(AttributeJSON.read(Array(text.utf8)) == all)
        // It is JSON to others too.
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: NSObject]
        #expect(object?.count == all.count && object?["text"] == "a \"quoted\" \\ \n text \u{1}" as NSString)
        #expect(text.contains("\"whole\":12.0") && text.contains("\"date\":\"2026-01-31T02:00:00.250000Z\""))
        let coded = try JSONDecoder().decode([String: SearchAttribute].self, from: JSONEncoder().encode(all))
        #expect(coded["list"] == all["list"] && coded["date"] == all["date"] && coded["yes"] == true && coded["int"] == all["int"])
    }

    @Test func `what others write is read`() {
        func read(_ text: String) -> [String: SearchAttribute]? { AttributeJSON.read(Array(text.utf8)) }
        #expect(read(" { } ") == [:])
        #expect(read(#"{"a": 1, "a": "\u00e9\ud83e\udd89\/"}"#) == ["a": "é🦉/"])
        #expect(read(#"{"a": null, "b": {"c": [1, {}]}, "d": [1], "e": 1e999, "f": [], "g": 1E2}"#) == ["f": [], "g": .number(100)])
        #expect(
            read(#"{"a": "2026-01-31T02:00:00Z", "b": "2026-02-31T02:00:00Z", "c": "2026-01-31"}"#)?["a"]
                == .date(Date(timeIntervalSince1970: 1_769_824_800)))
        #expect(read(#"{"b": "2026-02-31T02:00:00Z"}"#) == ["b": "2026-02-31T02:00:00Z"])
        for broken in [
            "", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1} x", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\x\"}", "{\"a\":tru}",
            "{\"a\":-}",
        ] {
            #expect(read(broken) == nil, "\(broken)")
        }
        #expect(read("{\"a\":" + String(repeating: "[", count: 100_000)) == nil)
    }

    @Test func `rows are what searches find`() {
        let record = WorkflowRecord(
            number: 1, lane: Lane(workflow: "flow"), input: .void,
            attributes: EncodedPayload(codec: 1, bytes: Array(AttributeJSON.write(all).utf8)), created: 0)
        let rows = record.attributeRows
        #expect(rows.filter { $0.name == "list" }.map(\.text) == ["a", "b"])
        #expect(rows.first { $0.name == "date" }?.number == .int(1_769_824_800_250_000))
        #expect(rows.first { $0.name == "int" }?.number == .int(9_007_199_254_740_993))
        #expect(!rows.contains { $0.name == "none" })
        var foreign = record
        for payload in [EncodedPayload(codec: 2, bytes: Array("{\"a\":1}".utf8)), EncodedPayload(codec: 1, bytes: [0xFF]), .void] {
            foreign.attributes = payload
            #expect(foreign.attributeRows.isEmpty)
        }
        // Nothing that no index holds.
        foreign.attributes = EncodedPayload(
            codec: 1, bytes: Array("{\"\": 1, \"long\": \"\(String(repeating: "x", count: 2049))\", \"ok\": 1}".utf8))
        #expect(foreign.attributeRows.map(\.name) == ["ok"])
    }

    @Test func `what cannot be stored or searched is refused at the start`() async throws {
        let client = try await Client(store: .memory())
        let many = Dictionary(uniqueKeysWithValues: (0..<65).map { ("a\($0)", SearchAttribute.int(1)) })
        let refused: [([String: SearchAttribute], WorkflowError.Code, String)] = [
            (many, .invalidAttribute, "at most 64"), (["": 1], .invalidName, "empty"), (["a\nb": 1], .invalidName, "U+A"),
            ([String(repeating: "x", count: 513): 1], .invalidName, "513"), (["a": .number(.infinity)], .invalidAttribute, "finite"),
            (["a": .text(String(repeating: "x", count: 2049))], .invalidAttribute, "2049 bytes"), (["a": "x\0"], .invalidAttribute, "NUL"),
            (["a": .list(Array(repeating: "x", count: 65))], .invalidAttribute, "65 texts"), (["a": ["x\0"]], .invalidAttribute, "NUL"),
            (["a": .date(.distantPast.addingTimeInterval(-1e12))], .invalidAttribute, "years"),
            (["perdure.x": 1], .invalidAttribute, "library's own"),
        ]
        for (attributes, code, says) in refused {
            let error = await #expect(throws: WorkflowError.self) {
                try await client.start(Idle.self, options: StartOptions(attributes: attributes))
            }
            #expect(error?.code == code && error?.message.contains(says) == true, "\(error as Any)")
        }
        #expect(try await client.count() == 0)
        let handle = try await client.start(Idle.self, options: StartOptions(attributes: all))
        #expect(try await handle.status().attributes == all)
        await client.close()
    }
}

private struct Idle: Workflow {
    func run(_ input: Void, in context: WorkflowContext) async throws {}
}
