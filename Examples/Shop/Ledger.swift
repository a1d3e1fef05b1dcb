import Foundation
import Perdure

/// What became of the orders, counted in the database and in the payment service's own log.
struct Ledger {
    private struct Line {
        var what: String
        var count: Int
        /// What it must be; nil is for information.
        var expected: Int?
    }

    private var lines: [Line] = []
    /// One whose card the payment service was asked to charge again.
    let interruptedOrder: Int?

    init(_ settings: Settings, client: Client, accepted: Set<Int>, kills: Int, seconds: Double) async throws {
        let database = settings.database
        let log = LogEntry.all(in: try Data(contentsOf: URL(fileURLWithPath: settings.paymentLog)))
        let charges = Dictionary(grouping: log.filter { $0.kind == .charged }, by: \.order)
        interruptedOrder = log.first { $0.kind == .refused }?.order
        let finished = Set(try await database.finishedOrders(client))
        let payments = try await database.payments(client)
        let right = payments.filter { payment in charges[payment.order]?.first?.charge == payment.charge }

        add("orders accepted", accepted.count, settings.orders)
        add("finished", finished.count, accepted.count)
        add("lost", accepted.subtracting(finished).count, 0)
        add("cards charged", charges.count, accepted.count)
        add("charged twice", charges.values.filter { $0.count > 1 }.count, 0)
        add("payment rows", payments.count, accepted.count)
        add("  of different orders", Set(payments.map(\.order)).count, accepted.count)
        add("  that agree with the payment service", right.count, accepted.count)
        add("invoices", try await database.invoices(client), accepted.count)
        add("parcels", try await database.parcels(client), accepted.count)
        add("repeated charges refused by their key", log.filter { $0.kind == .refused }.count, nil)
        add("kills survived", kills, settings.kills)
        add("seconds", Int(seconds.rounded()), nil)
    }

    private mutating func add(_ what: String, _ count: Int, _ expected: Int?) {
        lines.append(Line(what: what, count: count, expected: expected))
    }

    var isRight: Bool { lines.allSatisfy { $0.expected == nil || $0.expected == $0.count } }

    var text: String {
        lines.map { line in
            let label = line.what.padding(toLength: 40, withPad: " ", startingAt: 0)
            let verdict =
                switch line.expected {
                case nil: ""
                case line.count: "  ✓"
                case let expected?: "  ✗ should be \(expected)"
                }
            return "  \(label)\(String(repeating: " ", count: max(0, 6 - "\(line.count)".count)))\(line.count)\(verdict)"
        }.joined(separator: "\n")
    }
}
