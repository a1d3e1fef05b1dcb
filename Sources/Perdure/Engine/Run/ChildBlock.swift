/// The output of the row of children that were started together: their numbers follow each other, so no list of them is kept.
package struct ChildBlock: Codable, Sendable, Hashable {
    package var first: WorkflowNumber
    package var count: Int
    /// Of the first of them in its group.
    package var index: Int
    package var onClose: Int16

    package init(first: WorkflowNumber, count: Int, index: Int, onClose: Int16) {
        self.first = first
        self.count = count
        self.index = index
        self.onClose = onClose
    }

    /// So many are one row and one command; with few the rows cost, with many each waits for all others.
    package static let limit = 512
    /// Of the inputs of one command.
    static let byteLimit = 1 << 20

    /// In JSON, whatever the codec: any engine must be able to read it when it ends the parent.
    func encoded() throws(WorkflowError) -> EncodedPayload { try PayloadCoder().encode(self, what: "the numbers of children") }

    init?(_ output: EncodedPayload) {
        guard let block = try? PayloadCoder().decode(Self.self, from: output, what: "the numbers of children") else { return nil }
        self = block
    }

    func contains(_ number: WorkflowNumber) -> Bool { number >= first && number < first + WorkflowNumber(count) }

    /// All of them, with what their parent's end means to them.
    var openChildren: [OpenChild] {
        let policy = StoredClosePolicy(column: Int64(onClose))
        return (0..<WorkflowNumber(count)).map { OpenChild(number: first + $0, closePolicy: policy) }
    }
}

/// Children that are being started together.
struct StartingBlock {
    var records: [WorkflowRecord]
    var isOwned: Bool
    var output: EncodedPayload?
}

extension Names {
    private static let groupPrefix = "@children:"
    private static let startSuffix = "/start"

    /// The key of a group of children, before its occurrence is known.
    static func group(_ workflow: String) -> String { groupPrefix + key(workflow, id: nil) }
    static func start(ofGroup group: String) -> String { group + startSuffix }
    static func ends(ofGroup group: String) -> String { group + "/ended" }

    /// The group of which a row starts children; nil if it starts none, or one alone.
    static func group(ofStart key: String) -> String? {
        guard key.hasPrefix(groupPrefix) else { return nil }
        let start = Array(startSuffix.utf8)
        let bytes = Array(key.utf8)
        // The last, for the name of a type may hold the same.
        for end in stride(from: bytes.count - start.count, through: 0, by: -1) where bytes[end..<end + start.count].elementsEqual(start) {
            return String(decoding: bytes[..<end], as: UTF8.self)
        }
        return nil
    }
}

extension Command {
    /// The end of a workflow, with what follows from what was asked of it.
    ///
    /// - Parameter first: The run that its parent has started, if that was continued.
    static func finish(
        _ outcome: Outcome, toldBy record: WorkflowRecord?, as first: WorkflowNumber? = nil, inbox: [InboxItem]
    ) -> Command {
        let place = record.flatMap { QueuePlace($0.lane) }
        if let end = record?.groupEnd { return .finish(outcome, parent: nil, inbox: inbox + [end], place: place) }
        guard let parent = record?.parent?.number, let first, first != outcome.workflow else {
            return .finish(outcome, parent: record?.parent?.number, inbox: inbox, place: place)
        }
        return .finish(
            outcome, parent: nil, inbox: inbox + [InboxItem(workflow: parent, kind: .childEnded, reference: first)], place: place)
    }
}

extension WorkflowRecord {
    /// How its parent is told of its end, if it was started together with others.
    var groupEnd: InboxItem? {
        guard let parent, let group = Names.group(ofStart: parent.key) else { return nil }
        return InboxItem(workflow: parent.number, kind: .groupEnded, reference: number, topic: group)
    }
}
