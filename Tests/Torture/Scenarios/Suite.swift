import Foundation

/// The tests of the package themselves, on a server that lacks something.
final class Suite: Scenario {
    enum Lack: String {
        /// Behind PgBouncer, which shares connections out by transaction: nothing of a session lasts, and nobody listens.
        case pooler
        /// Notifications are neither sent nor heard.
        case silent

        /// By which the tests know what to leave out.
        fileprivate var variable: String { self == .silent ? "PERDURE_TEST_SILENT" : "PERDURE_TEST_POOLED" }
    }

    let name: String
    var tally = Tally(full: 1)
    private let workshop: Workshop
    private let lack: Lack
    /// Of the tests' names; all if there are none.
    private let filters: [String]

    init(_ workshop: Workshop, _ lack: Lack, filters: [String]) {
        name = lack.rawValue
        self.workshop = workshop
        self.lack = lack
        self.filters = filters
    }

    func lap() async throws {
        let tests =
            URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path() + "perdurePackageTests.xctest"
        guard FileManager.default.isExecutableFile(atPath: tests) else {
            throw Workshop.Missing(what: "the tests (swift build --build-tests)")
        }
        let server = try await PostgresServer.make(name, in: workshop)
        let bouncer = lack == .pooler ? try await PgBouncer.start(before: server, in: workshop) : nil
        let log = server.folder + "/tests.log"
        let suite = try Child(
            [tests, "--testing-library", "swift-testing"] + filters.flatMap { ["--filter", $0] }, output: log,
            environment: [
                "PERDURE_TEST_POSTGRES": bouncer?.url ?? server.url, lack.variable: "1", "PERDURE_TEST_PRIVATE": "1",
                "SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH": "16",
            ])
        let status = await suite.exit()
        let lines = ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
        tally.rounds += 1
        tally.notes = lines.suffix(1)
        tally.require(status == 0, "the tests ended with \(status)")
        tally.violations += lines.filter { $0.hasPrefix("✘") }.prefix(10)
        await bouncer?.stop()
        await server.remove(workshop, after: tally)
    }

    func end() async {}
}
