import Foundation

/// One connection of a process to the server, message by message, on a thread of its own.
final class Link {
    private enum Pending { case statement, sync, query }

    private let client: End
    private let server: End
    private let board: Switchboard
    private var fromClient = MessageReader(fromClient: true)
    private var fromServer = MessageReader(fromClient: false)
    /// The statements that were prepared on this connection.
    private var prepared: [String: String] = [:]
    private var portals: [String: String] = [:]
    /// What the server has yet to answer, in order, each with its place since the beginning.
    private var pending: [(kind: Pending, place: Int)] = []
    private var sent = 0
    private var lastStatement = ""
    /// Since the last end of a batch.
    private var isExecuted = false
    /// What the open transaction is about: its fence and its end bear the name of it.
    private var subject = ""
    /// The fence has been sent since the last answer that ends a batch.
    private var isFenced = false
    /// From this place on, what was sent is of a process that was taken for dead: what the server answers to it is looked at.
    private var late: Int?
    private var hasFailed = false

    init(client: Int32, server: Int32, board: Switchboard) {
        self.client = End(descriptor: client)
        self.server = End(descriptor: server)
        self.board = board
    }

    /// Until one side is gone.
    func run() {
        while step() {}
        close(client.descriptor)
        close(server.descriptor)
        guard late != nil else { return }
        // The server has ended the session meanwhile, and what it said about that may not have come through.
        if !hasFailed { board.failed("57P01") }
        board.answered.raise()
    }

    private func step() -> Bool {
        var watched = [
            pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: server.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        _ = unsafe poll(&watched, 2, -1)
        if watched[1].revents != 0 {
            guard let answer = readAnswer() else { return false }
            return client.write(answer)
        }
        guard watched[0].revents != 0, let bytes = client.read() else { return false }
        fromClient.append(bytes)
        while let message = fromClient.next() {
            guard pass(message) else { return false }
        }
        return true
    }

    // MARK: To the server

    private func pass(_ message: Message) -> Bool {
        board.waitIfFrozen()
        guard let statement = boundary(message) else { return server.write(message.bytes) }
        switch board.arrived(statement) {
        case nil: return forward(message)
        case .before?:
            guard board.fire() else { return false }
            if board.isMisfortune { late = sent }
            return forward(message)
        case .after?:
            guard let answer = forwardAndWait(message), board.fire() else { return false }
            // The transaction is open still: what ends it is as late as what begins.
            if message.type == UInt8(ascii: "E"), board.isMisfortune { late = sent } else { board.answered.raise() }
            return client.write(answer)
        }
    }

    /// The name of what has an effect; nil for what has none by itself.
    private func boundary(_ message: Message) -> String? {
        switch message.type {
        case 0:
            // A request to cancel comes alone, on a connection of its own.
            if message.body.starts(with: [0x04, 0xD2, 0x16, 0x2E]) { board.cancelled() }
            return nil
        case UInt8(ascii: "P"):
            let texts = message.texts(2)
            prepared[texts[0]] = texts[0].isEmpty ? Self.short(texts[1]) : texts[0]
            return nil
        case UInt8(ascii: "B"):
            let texts = message.texts(2)
            portals[texts[0]] = prepared[texts[1]] ?? texts[1]
            return nil
        case UInt8(ascii: "E"): lastStatement = name(portals[message.texts(1)[0]] ?? "")
        case UInt8(ascii: "Q"): lastStatement = name(Self.short(message.texts(1)[0]))
        case UInt8(ascii: "S"):
            // A statement that is prepared has an end, too, and no effect.
            defer { isExecuted = false }
            return isExecuted ? lastStatement + " sync" : nil
        default: return nil
        }
        isExecuted = true
        if Self.fences(lastStatement) { isFenced = true }
        return lastStatement
    }

    private func name(_ statement: String) -> String {
        switch statement {
        case "perdure_begin", "perdure_by_index": return statement
        case "perdure_fence", "perdure_commit": return subject.isEmpty ? statement : "\(statement) of \(subject)"
        default:
            subject = statement
            return statement
        }
    }

    private static func fences(_ statement: String) -> Bool {
        ["perdure_fence", "perdure_step_alone", "perdure_steps_alone"].contains { statement.hasPrefix($0) } || statement.contains(".fence(")
    }

    /// Statements without a name of which it is counted how often they come.
    private static let known = [
        ("AND key = ANY($4::text[])", "perdure_recorded"), ("WHERE workflow = $1::int8 AND key = $2::text", "perdure_read_checkpoint"),
        ("WHERE state = 1 AND executor = $1::int8 ORDER BY number", "perdure_owned"),
    ]

    /// The beginning of a text and a mark of the whole, without what differs from run to run.
    private static func short(_ text: String) -> String {
        if let (_, name) = known.first(where: { text.contains($0.0) }) { return name }
        let plain = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let mark = plain.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return plain.count <= 48 ? plain : "\(plain.prefix(48))… \(String(mark % 65_536, radix: 16))"
    }

    private func forward(_ message: Message) -> Bool {
        let kind: Pending =
            switch message.type {
            case UInt8(ascii: "S"): .sync
            case UInt8(ascii: "Q"): .query
            default: .statement
            }
        pending.append((kind, sent))
        sent += 1
        return server.write(message.bytes)
    }

    /// Until the server has done it; returns all that the server has said, and that the client is not told.
    private func forwardAndWait(_ message: Message) -> [UInt8]? {
        let place = sent
        guard forward(message) else { return nil }
        // Otherwise the server keeps its answer to itself until the end of the pipeline.
        if message.type == UInt8(ascii: "E"), !server.write([UInt8(ascii: "H"), 0, 0, 0, 4]) { return nil }
        var answer: [UInt8] = []
        while pending.contains(where: { $0.place == place }) {
            guard let more = readAnswer() else { return nil }
            answer += more
        }
        return answer
    }

    // MARK: From the server

    private func readAnswer() -> [UInt8]? {
        guard let bytes = server.read() else { return nil }
        fromServer.append(bytes)
        while let message = fromServer.next() { note(message) }
        return bytes
    }

    private func note(_ message: Message) {
        let isLate = late.map { late in pending.first.map { $0.place >= late } ?? false } ?? false
        switch message.type {
        case UInt8(ascii: "C"), UInt8(ascii: "I"), UInt8(ascii: "s"):
            if isLate, isFenced, message.texts(1).first == "COMMIT" { board.accepted("a batch of \(lastStatement)") }
            if pending.first?.kind == .statement { pending.removeFirst() }
        case UInt8(ascii: "E"):
            board.failed(message.state)
            hasFailed = true
            isFenced = false
            // What follows in the pipeline is passed over.
            if pending.first?.kind == .statement {
                pending.removeAll { [end = pending.first { $0.kind == .sync }?.place ?? .max] in $0.place < end }
            }
        case UInt8(ascii: "Z"):
            if message.body.first == UInt8(ascii: "I") { subject = "" }
            let isLate = late.map { late in pending.first { $0.kind != .statement }.map { $0.place >= late } ?? false } ?? false
            if isLate, isFenced, lastStatement.hasSuffix("_alone") { board.accepted("a batch of \(lastStatement)") }
            if let end = pending.firstIndex(where: { $0.kind != .statement }) { pending.removeFirst(end + 1) }
            isFenced = false
            if late != nil { board.answered.raise() }
            late = nil
        default: break
        }
    }
}
