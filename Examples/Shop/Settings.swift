import Foundation

/// What the command line says.
struct Settings: Sendable {
    static let usage = """
        usage: Shop [--database PATH|URL] [--folder PATH] [--orders N] [--kills N] [--workers N]
               Shop worker --database PATH|URL --payments PATH

          --database  an SQLite file that does not exist yet, or the URL of an empty Postgres database (default: a file in the folder)
          --folder    where the shop keeps its files (default: a new temporary folder)
          --orders    how many orders come in (default: 300)
          --kills     how often a worker is killed with SIGKILL (default: 16)
          --workers   how many workers run at the same time (default: 1)
        """

    struct UsageError: Error { var message: String }

    var isWorker = false
    var database: ShopDatabase
    var paymentLog: String
    var folder: String
    var orders = 300
    var kills = 16
    var workers = 1
    /// How long the orders may take after the last has come in.
    let patience = Duration.seconds(60)

    init(_ arguments: [String]) throws(UsageError) {
        var options: [String: String] = [:]
        var rest = arguments[...]
        if rest.first == "worker" {
            isWorker = true
            rest = rest.dropFirst()
        }
        while let option = rest.popFirst() {
            guard ["--database", "--folder", "--orders", "--kills", "--workers", "--payments"].contains(option) else {
                throw UsageError(message: "unknown option '\(option)'")
            }
            guard let value = rest.popFirst() else { throw UsageError(message: "\(option) needs a value") }
            options[option] = value
        }
        folder = options["--folder"] ?? FileManager.default.temporaryDirectory.appending(path: "shop-\(UUID().uuidString.prefix(8))").path()
        paymentLog = options["--payments"] ?? folder + "/payments.log"
        database = ShopDatabase(address: options["--database"] ?? folder + "/shop.db")
        orders = try Self.number(options["--orders"], from: 1) ?? orders
        kills = try Self.number(options["--kills"], from: 0) ?? kills
        workers = try Self.number(options["--workers"], from: 1) ?? workers
    }

    private static func number(_ text: String?, from least: Int) throws(UsageError) -> Int? {
        guard let text else { return nil }
        guard let number = Int(text), number >= least else { throw UsageError(message: "'\(text)' is not a number from \(least) up") }
        return number
    }

    /// What workers have to say goes here rather than into the progress bar.
    var workerLog: String { folder + "/workers.log" }

    func openWorkerLog() throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: workerLog) { try Data().write(to: URL(fileURLWithPath: workerLog)) }
        let log = try FileHandle(forWritingTo: URL(fileURLWithPath: workerLog))
        try log.seekToEnd()
        return log
    }
}
