internal import Foundation
internal import Perdure
internal import PerdureCommand

/// What `list` is to show.
struct ListOptions: Equatable {
    var filter: WorkflowFilter
    var limit: Int
    var isJSON: Bool

    init(_ filter: String?, _ words: ArgumentWords) throws(Request.UsageError) {
        self.filter = try filter.map { word throws(Request.UsageError) in try WorkflowFilter(orAll: word) } ?? .all
        limit = try words.number("--limit") ?? 50
        isJSON = words.flags.contains("--json")
    }
}

/// Lists workflows.
func list(_ address: StoreAddress, _ options: ListOptions) async throws {
    try await withClient(address, readsOnly: true) { client in
        var found = try await client.workflows(where: options.filter, limit: options.limit + 1).all()
        let isMore = found.count > options.limit
        if isMore { found.removeLast() }
        if options.isJSON {
            for workflow in found { write(try Line(workflow).text + "\n") }
        } else {
            write(table(found.map(\.row)))
        }
        if isMore { write("perdure: there are more; --limit shows them\n", to: .standardError) }
    }
}

/// A workflow as a line of JSON.
private struct Line: Encodable {
    var id: String
    var name: String
    var status: String
    var waitsFor: String?
    var started: String
    var finished: String?
    var version: String
    var attributes: [String: SearchAttribute]

    init(_ workflow: WorkflowSummary) {
        (id, name, version, attributes) = (workflow.id, workflow.name, workflow.version, workflow.attributes)
        (status, waitsFor) = (workflow.state.rawValue, workflow.waitsFor)
        started = workflow.createdAt.formatted(.iso8601)
        finished = workflow.finishedAt?.formatted(.iso8601)
    }

    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}

extension WorkflowSummary {
    fileprivate var row: [String] {
        [
            id, name, state.rawValue + (waitsFor.map { ": \($0)" } ?? ""), createdAt.formatted(.iso8601), version,
            attributes.isEmpty ? "" : AttributeJSON.write(attributes),
        ]
    }
}

/// Columns that stand below each other, under their names.
private func table(_ rows: [[String]]) -> String {
    let lines = [["ID", "NAME", "STATUS", "STARTED", "VERSION", "ATTRIBUTES"]] + rows
    let widths = (0..<6).map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
        var text = ""
        for (cell, width) in zip(line, widths) { text += cell + String(repeating: " ", count: width - cell.count + 2) }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }.joined()
}
