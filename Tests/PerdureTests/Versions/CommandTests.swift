import Foundation
import Perdure
@testable import PerdureCommand
import PerdureMemory
import PerdureTesting
import Testing

/// The command line of an application, in this process.
@Suite(.timeLimit(.minutes(2)))
struct CommandTests {
    private struct Said {
        var status: Int32
        var text: String
        var errors: String
    }

    private static func command(
        _ arguments: String..., database: MemoryDatabase = MemoryDatabase(), configuration: EngineConfiguration = .patient,
        @DeclarationBuilder workflows: () -> [Declaration]
    ) async -> Said {
        let (text, errors) = (Lock(""), Lock(""))
        let output = Output { said in
            text.withLock { $0 += said }
        } errors: { said in
            errors.withLock { $0 += said }
        }
        let status = await PerdureCommand.run(
            arguments, store: .memory(database), configuration: configuration, output: output, workflows: workflows)
        return Said(status: status, text: text.withLock { $0 }, errors: errors.withLock { $0 })
    }

    private static let old = Act { context in
        try await context.step("charge") {}
        try await context.step("pack") {}
        try await context.sleep(for: .days(1))
        return ""
    }
    private static let swapped = Act { context in
        try await context.step("pack") {}
        try await context.step("charge") {}
        try await context.sleep(for: .days(1))
        return ""
    }

    /// A database with so many open workflows of the old code, and one of a type of its own.
    private static func database(_ count: Int, version: String = "") async throws -> MemoryDatabase {
        let database = MemoryDatabase()
        var configuration = EngineConfiguration.patient
        configuration.version = version
        try await withEngine(store: .memory(database), configuration: configuration) {
            old
            Bystander()
        } body: { engine in
            for index in 0..<count {
                let act = try await engine.start(Act.self, "", id: "act \(index)")
                try await waitWhile { (database.copy(of: act.number)?.steps.count ?? 0) < 2 }
            }
            _ = try await engine.start(Bystander.self, 1, id: "bystander", options: StartOptions(delay: .days(1)))
        }
        return database
    }

    @Test func aBuildThatGoesOn() async throws {
        let database = try await Self.database(5)
        let said = await Self.command("check-deploy", database: database) {
            Self.old
            Bystander()
        }
        #expect(said.status == 0, "\(said)")
        #expect(said.text.contains("6 open workflows") && said.text.contains("goes on with all of them"))
        #expect(said.errors.isEmpty)
    }

    @Test func bulkWorkIsNoTypeThatABuildMustHave() async throws {
        let database = try await Self.database(2)
        let client = try await Client(store: .memory(database))
        try await client.bulk(.cancel, where: .all, by: "ada")
        let said = await Self.command("check-deploy", "--strict", database: database) {
            Self.old
            Bystander()
        }
        #expect(said.status == 0 && said.text.contains("3 open workflows"), "\(said)")
        await client.close()
    }

    @Test func aBuildThatDoesNot() async throws {
        let database = try await Self.database(5)
        let writes = Counter()
        database.faults = { operation in
            if ![.load, .archive, .open].contains(operation.kind) { writes.add() }
            return nil
        }
        let said = await Self.command("check-deploy", database: database) { Self.swapped }
        #expect(writes[] == 0)
        #expect(said.status == 1)
        #expect(
            said.text.contains("act 0 (act): diverged at place 1\n  history: 'charge' (step)\n  code:    'pack' (step)\n"), "\(said.text)")
        #expect(said.text.contains("  checked       6\n") && said.text.contains("  diverged      5\n"))
        #expect(said.text.contains("  act  'charge' (step)  5\n"))
        #expect(said.text.contains("  bystander  1\n"))
        #expect(said.text.contains("would not go on with 5 of them"))
    }

    @Test func `those of which a filter is true`() async throws {
        let database = try await Self.database(3)
        func check(_ arguments: String...) async -> Said {
            let (text, errors) = (Lock(""), Lock(""))
            let output = Output { said in
                text.withLock { $0 += said }
            } errors: { said in
                errors.withLock { $0 += said }
            }
            let status = await PerdureCommand.run(
                ["check-deploy"] + arguments, store: .memory(database), configuration: .patient, output: output,
                workflows: { Self.swapped })
            return Said(status: status, text: text.withLock { $0 }, errors: errors.withLock { $0 })
        }
        let one = await check("--where", "id = 'act 1' or id = 'bystander'", "--workflow", "act")
        #expect(one.status == 1 && one.text.contains("1 open workflow of") && one.text.contains("act 1 (act): diverged"), "\(one)")
        #expect(await check("--where=status = closed").text.contains("0 open workflows of"))
        #expect(await check("--where", "started > -1h", "--since", "1h").text.contains("4 open workflows of"))
        let wrong = await check("--where", "status = faild")
        #expect(wrong.status == 2 && wrong.errors.contains("'failed'"))
        let file = await check("--where", "status = open", "--from", "histories")
        #expect(file.status == 2 && file.errors.contains("--from"))
    }

    @Test func asJSON() async throws {
        let database = try await Self.database(3)
        let said = await Self.command("check-deploy", "--json", "--limit", "2", "--workflow=act", database: database) { Self.swapped }
        #expect(said.status == 1)
        let lines = try said.text.split(separator: "\n").map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
        #expect(lines.count == 3)
        #expect(lines[0]?["verdict"] as? String == "diverged")
        #expect((lines[0]?["divergence"] as? [String: Any])?["step"] as? String == "charge")
        #expect((lines[2]?["summary"] as? [String: Any])?["checked"] as? Int == 2)
    }

    @Test func typesThatAreNotThere() async throws {
        let database = try await Self.database(1)
        let workflows: () -> [Declaration] = { DeclarationBuilder.buildExpression(Self.old) }
        #expect(await Self.command("check-deploy", database: database, workflows: workflows).status == 0)
        #expect(await Self.command("check-deploy", "--strict", database: database, workflows: workflows).status == 1)
        let said = await Self.command("check-deploy", "--workflow", "bystander", database: database, workflows: workflows)
        #expect(said.status == 2 && said.errors.contains("no workflow 'bystander'"))
    }

    /// Trouble of yesterday does not stop the deployment of today.
    @Test func whatWasSetAsideBefore() async throws {
        let database = try await Self.database(1)
        try await withEngine(store: .memory(database), configuration: .patient) {
            Self.swapped
        } body: { engine in
            try await waitWhile { try await engine.client.status(of: "act 0").state != .setAside }
        }
        let said = await Self.command("check-deploy", "--workflow", "act", database: database) { Self.swapped }
        #expect(said.status == 0 && said.text.contains("  set aside before  1\n"), "\(said)")
        let cured = await Self.command("check-deploy", "--workflow", "act", database: database) { Self.old }
        #expect(cured.status == 0 && cured.text.contains("  consistent  1\n"), "\(cured)")
    }

    @Test func versionsOfOthers() async throws {
        let database = try await Self.database(2, version: "1")
        var configuration = EngineConfiguration.patient
        configuration.version = "2"
        let other = await Self.command("check-deploy", database: database, configuration: configuration) { Self.swapped }
        #expect(other.status == 0)
        #expect(other.text.contains("version '1'  3"), "\(other.text)")
        let all = await Self.command("check-deploy", "--all-versions", database: database, configuration: configuration) { Self.swapped }
        #expect(all.status == 1)
        configuration.compatibleVersions = ["1"]
        #expect(await Self.command("check-deploy", database: database, configuration: configuration) { Self.swapped }.status == 1)
    }

    @Test func throughAFile() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "exported-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        let database = try await Self.database(3)
        let exported = await Self.command("check-deploy", "--workflow", "act", "--export", file, database: database) { Self.old }
        #expect(exported.status == 0)
        // Without a database, and with nothing in it.
        let checked = await Self.command("check-deploy", "--from", file) { Self.swapped }
        #expect(checked.status == 1 && checked.text.contains("3 workflows of \(file)"), "\(checked)")
        let replayed = await Self.command("replay", file) { Self.old }
        #expect(replayed.status == 0)
        #expect(replayed.text.contains("      2  step  pack\n"), "\(replayed.text)")
        #expect(replayed.text.contains("consistent\nthe code waits for '@sleep' (timer)\n"))
        #expect(await Self.command("replay", "act 1", database: database) { Self.swapped }.status == 1)
        #expect(await Self.command("replay", "nobody", database: database) { Self.old }.status == 2)
        #expect(await Self.command("check-deploy", "--from", file + ".missing") { Self.old }.status == 2)
    }

    @Test(arguments: [
        ["dance"], ["run", "now"], ["check-deploy", "--limit", "0"], ["check-deploy", "--since", "soon"], ["replay"], ["--json"],
        ["replay", "a", "b"], ["replay", "a", "--json"], ["check-deploy", "--workflow"], ["check-deploy", "--time-limit", "5"],
        ["check-deploy", "--from", "a", "--from", "b"], ["check-deploy", "--fast"],
    ])
    func whatIsNotUnderstood(arguments: [String]) {
        #expect(throws: CommandRequest.UsageError.self) { try CommandRequest(arguments, now: .now) }
    }

    @Test func whatIsUnderstood() throws {
        let now = Date(timeIntervalSince1970: 1_000_000_000)
        #expect(try CommandRequest([], now: now) == .run)
        #expect(try CommandRequest(["run"], now: now) == .run)
        #expect(try CommandRequest(["check-deploy", "--help"], now: now) == .help)
        #expect(try CommandRequest(["replay", "w1", "--time-limit", "none"], now: now) == .replay(ReplayOptions(target: "w1")))
        var options = CheckOptions()
        #expect(try CommandRequest(["check-deploy"], now: now) == .check(options))
        options.since = now - 7 * 86_400
        options.limit = 5
        options.isJSON = true
        options.timeLimit = .milliseconds(500)
        #expect(
            try CommandRequest(["check-deploy", "--since", "7d", "--json", "--limit=5", "--time-limit", "500ms"], now: now)
                == .check(options))
        for (text, seconds) in [("2001-09-09", 999_993_600.0), ("2001-09-09T01:46:40Z", 1_000_000_000)] {
            var options = CheckOptions()
            options.since = Date(timeIntervalSince1970: seconds)
            #expect(try CommandRequest(["check-deploy", "--since", text], now: now) == .check(options))
        }
    }

    @Test func noDatabase() async {
        let database = MemoryDatabase()
        database.faults = { _ in StoreError(.unavailable, "away") }
        let said = await Self.command("check-deploy", database: database) { Self.old }
        #expect(said.status == 2 && said.errors.contains("away"))
    }
}
