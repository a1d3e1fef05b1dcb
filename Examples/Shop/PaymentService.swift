import Foundation

/// A fake payment service, which knows nothing of Perdure.
///
/// It keeps a log file of its own, written through to the disk, and refuses a repeated key by giving the first answer again. As with a real
/// one, the card may be charged and the answer never arrive: the process dies on the way, or the network loses it.
actor PaymentService {
    struct AnswerLost: Error {}

    private let log: FileHandle
    private var charges: [String: String] = [:]
    private var known: UInt64 = 0

    init(log path: String) throws {
        if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
        log = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    }

    /// Charges a card once for each key, and returns the number of the charge.
    func charge(_ order: Order, key: String) async throws -> String {
        try await Task.sleep(for: .milliseconds(.random(in: 10...80)))
        let charge = try book(order, key)
        try await Task.sleep(for: .milliseconds(.random(in: 10...80)))
        if Int.random(in: 0..<30) == 0 { throw AnswerLost() }
        return charge
    }

    private func book(_ order: Order, _ key: String) throws -> String {
        // Several workers have the log open; the lock goes with the process that holds it.
        flock(log.fileDescriptor, LOCK_EX)
        defer { flock(log.fileDescriptor, LOCK_UN) }
        try catchUp()
        if let charge = charges[key] {
            try append(LogEntry(kind: .refused, order: order.id, key: key, charge: charge))
            return charge
        }
        let charge = "ch-\(UUID().uuidString.prefix(8))"
        try append(LogEntry(kind: .charged, order: order.id, key: key, charge: charge))
        return charge
    }

    /// Reads what other processes have written.
    private func catchUp() throws {
        try log.seek(toOffset: known)
        let data = try log.readToEnd() ?? Data()
        let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { data[...$0] } ?? Data()
        // Whoever wrote half a line died in it, and nobody has been told anything.
        if whole.count < data.count { try log.truncate(atOffset: known + UInt64(whole.count)) }
        for entry in LogEntry.all(in: whole) where entry.kind == .charged { charges[entry.key] = entry.charge }
        known += UInt64(whole.count)
    }

    private func append(_ entry: LogEntry) throws {
        let line = Data((entry.line + "\n").utf8)
        try log.seek(toOffset: known)
        try log.write(contentsOf: line)
        try log.synchronize()
        if entry.kind == .charged { charges[entry.key] = entry.charge }
        known += UInt64(line.count)
    }
}

/// One line of the payment service's log.
struct LogEntry {
    enum Kind: String { case charged, refused }

    var kind: Kind
    var order: Int
    var key: String
    var charge: String

    var line: String { "\(kind.rawValue)\t\(order)\t\(charge)\t\(key)" }

    static func all(in data: Data) -> [LogEntry] {
        String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t", maxSplits: 3)
            guard fields.count == 4, let kind = Kind(rawValue: String(fields[0])), let order = Int(fields[1]) else { return nil }
            return LogEntry(kind: kind, order: order, key: String(fields[3]), charge: String(fields[2]))
        }
    }
}
