public import FoundationEssentials

/// One workflow with all that is recorded of it, to be replayed elsewhere: in a test, in a debugger, against another build.
///
/// As JSON it has a documented, stable format; see <doc:SafeDeployments>. It holds inputs and results as they are stored: treat it like the
/// database.
public struct HistoryExport: Sendable, Hashable {
    package let recorded: RecordedHistory

    package init(_ recorded: RecordedHistory) { self.recorded = recorded }

    /// The public id.
    public var id: String { recorded.record.id ?? Names.publicID(recorded.record.number) }
    /// The workflow's type.
    public var workflow: String { recorded.record.lane.workflow }
    /// The version of the application with which it was started; empty if with none.
    public var version: String { recorded.record.lane.version }
    /// When it was started.
    public var createdAt: Date { Date(timeIntervalSince1970: Double(recorded.record.created) / 1_000_000) }
    /// How many rows its history has.
    public var rows: Int { recorded.steps.count }
    /// Whether it has ended.
    public var isClosed: Bool { recorded.outcome != nil }
    /// Why it is set aside; nil if it is not.
    public var setAsideReason: String? { recorded.aside }
    /// What its history holds, in order.
    public var calls: [ReplayedCall] { recorded.steps.map { ReplayedCall(key: $0.key, kind: $0.kind) } }
}

extension HistoryExport: CustomStringConvertible {
    /// The workflow, as a test names it.
    public var description: String { "\(id) (\(workflow)), \(rows) rows" }
}

extension HistoryExport: Codable {
    /// Reads the documented format.
    public init(from decoder: any Decoder) throws { recorded = try ExportedHistory(from: decoder).recorded() }

    /// Writes the documented format.
    public func encode(to encoder: any Encoder) throws { try ExportedHistory(recorded).encode(to: encoder) }
}

extension HistoryExport {
    /// The line of JSON that stands for it in a file.
    public var line: String {
        get throws { String(decoding: try JSONPayloadCodec().encode(self), as: UTF8.self) }
    }

    /// Reads a line of JSON.
    public init(line: String) throws {
        self = try JSONPayloadCodec().decode(HistoryExport.self, from: Array(line.utf8))
    }

    /// All of a file that holds a history in each line, or one in many.
    ///
    /// - Throws: ``StoreError`` if the file cannot be read, `DecodingError` if it holds something else.
    public static func read(_ path: String) throws -> [HistoryExport] {
        var all: [HistoryExport] = []
        let file = try HistoryFile(reading: path)
        while let history = try file.next() { all.append(history) }
        return all
    }
}
