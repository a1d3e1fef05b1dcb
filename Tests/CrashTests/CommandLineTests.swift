internal import Foundation
internal import Perdure
internal import PerdurePostgres
internal import PerdureSQLite
internal import Testing

/// Has a step that fails, for days.
private struct Errand: Workflow {
    static let name = "Errand"

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("go", retry: .fixed(attempts: 9, interval: .days(1))) { throw WorkflowError(.rejected, "closed") }
    }
}

/// The `perdure` command, as it is typed.
@Suite(.timeLimit(.minutes(2)))
struct CommandLineTests {
    private func perdure(_ arguments: String..., in scene: Scene) async throws -> (status: Int32, output: String) {
        let program = try Program("perdure", arguments, in: scene.folder)
        try await program.waitForExit()
        return (program.status, program.output)
    }

    @Test(arguments: Place.available)
    func `migrate makes the tables, and version reads theirs`(_ place: Place) async throws {
        let scene = try await place.make()
        let before = try await perdure("version", scene.database, in: scene)
        #expect(before.status == 1)
        #expect(before.output.contains("perdure migrate"))
        let migrated = try await perdure("migrate", scene.database, in: scene)
        #expect(migrated.status == 0)
        #expect(migrated.output.contains("tables of version 3"))
        #expect(try await perdure("migrate", scene.database, in: scene).status == 0)
        // To look changes nothing, and leaves nothing beside a file.
        let files = try FileManager.default.contentsOfDirectory(atPath: scene.folder.path()).filter { !$0.hasSuffix(".log") }
        let after = try await perdure("version", scene.database, in: scene)
        #expect(after.status == 0)
        #expect(after.output.contains("tables of version 3"))
        #expect(try await perdure("list", scene.database, in: scene).status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scene.folder.path()).filter { !$0.hasSuffix(".log") } == files)
        try await scene.clear()
    }

    @Test func `sqlite: and a schema of one's own are understood`() async throws {
        let scene = try await Place.sqlite.make()
        #expect(try await perdure("migrate", "sqlite:\(scene.folder.path())/any name", in: scene).status == 0)
        if Place.available.contains(.postgres) {
            let server = try await Place.postgres.make()
            let migrated = try await perdure("migrate", server.database, "--schema", "Mine \"and\" yours", in: scene)
            #expect(migrated.status == 0, Comment(rawValue: migrated.output))
            try await server.clear()
        }
        try await scene.clear()
    }

    @Test(arguments: [
        (["mysql://root:secret@host/db"], "mysql:…"),
        (["file.txt"], "file.txt"),
        (["x.db", "--schema", "s"], "--schema is for Postgres"),
        (["x.db", "--schema"], "--schema needs"),
        (["x.db", "y.db"], "one URL at most"),
        (["--force"], "unknown option"),
        ([], "needs the URL"),
    ])
    func `what is not understood ends with 2 and says why`(_ arguments: [String], why: String) async throws {
        let scene = try await Place.sqlite.make()
        let program = try Program("perdure", ["migrate"] + arguments, in: scene.folder)
        try await program.waitForExit()
        #expect(program.status == 2)
        #expect(program.output.contains(why))
        #expect(program.output.contains("usage:"))
        #expect(!program.output.contains("secret"))
        try await scene.clear()
    }

    @Test(arguments: Place.available)
    func `list finds workflows, and bulk has something done to them`(_ place: Place) async throws {
        let scene = try await place.make()
        let database = scene.database
        let engine = try await Engine(store: database.contains("://") ? .postgres(database) : .sqlite(database)) { Errand() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            for number in 0..<3 {
                try await engine.client.start(
                    Errand.self, number, id: "errand \(number)",
                    options: StartOptions(attributes: ["city": .text(number == 0 ? "Rome" : "Bonn")]))
                try await wait { try await engine.client.status(of: "errand \(number)").pendingSteps.count == 1 }
            }
            let all = try await perdure("list", database, in: scene)
            #expect(all.status == 0 && all.output.hasPrefix("ID        NAME    STATUS"), "\(all.output)")
            #expect(all.output.contains("errand 0  Errand  running") && all.output.contains("{\"city\":\"Rome\"}"), "\(all.output)")
            let some = try await perdure("list", database, "city = 'Bonn'", "--json", "--limit", "1", in: scene)
            let lines = some.output.split(separator: "\n")
            let object = try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any]
            #expect(object?["id"] as? String == "errand 2" && object?["attributes"] as? [String: String] == ["city": "Bonn"])
            #expect(some.status == 0 && lines.count == 2 && lines[1].contains("--limit"), "\(some.output)")
            let dry = try await perdure("bulk", database, "cancel", "city = 'Bonn'", "--dry-run", in: scene)
            #expect(
                dry.status == 0 && dry.output.contains("2 match for 'cancel'") && dry.output.contains("errand 1  Errand"), "\(dry.output)")
            #expect(try await engine.client.bulkWork().isEmpty)
            let done = try await perdure(
                "bulk", database, "complete", "city = 'Bonn'", "--step", "go", "--value", "17", "--because", "by phone", "--by", "ada",
                "--rate=500", "--id", "calls", in: scene)
            #expect(done.status == 0 && done.output.contains("bulk work 'calls': complete step 'go'"), "\(done.output)")
            #expect(done.output.contains("2 of 2: 2 done, 0 skipped, 0 failed"), "\(done.output)")
            #expect(try await engine.client.handle(of: Errand.self, id: "errand 2").result() == 17)
            #expect(try await engine.client.bulkHandle(id: "calls").status().by == "ada")
            let failed = try await perdure(
                "bulk", database, "fork", "status = completed", "--step", "nowhere", "--because", "test", in: scene)
            #expect(failed.status == 1 && failed.output.contains("2 failed") && failed.output.contains("nowhere"), "\(failed.output)")
            let left = try await perdure("bulk", database, "terminate", "all", "--because", "the end", "--detach", in: scene)
            #expect(left.status == 0)
            try await wait { try await engine.client.count(where: "status = terminated") == 1 }
            group.cancelAll()
        }
        await engine.close()
        try await scene.clear()
    }

    @Test(arguments: [
        (["list"], "list needs the URL"),
        (["list", "x.db", "status = faild"], "did you mean 'failed'"),
        (["list", "x.db", "status", "=", "failed"], "put the filter into quotes"),
        (["list", "x.db", "--limit", "0"], "--limit needs a number"),
        (["list", "x.db", "--rate", "3"], "'list' has no option --rate"),
        (["bulk", "x.db"], "needs an action"),
        (["bulk", "x.db", "cancel"], "needs a filter"),
        (["bulk", "x.db", "destroy", "all"], "no action 'destroy'"),
        (["bulk", "x.db", "cancel", "all"], "needs --because"),
        (["bulk", "x.db", "skip", "all", "--because", "x"], "--step KEY"),
        (["bulk", "x.db", "cancel", "all", "--because", "x", "--step", "s"], "cancel has no option --step"),
        (["bulk", "x.db", "complete", "all", "--because", "x", "--step", "s", "--value", "{"], "--value needs JSON"),
        (["bulk", "x.db", "cancel", "all", "--because", "x", "--rate", "-1"], "--rate needs a number above zero"),
    ])
    func `a list or bulk work that is not understood ends with 2 and says why`(_ arguments: [String], why: String) async throws {
        let scene = try await Place.sqlite.make()
        let program = try Program("perdure", arguments, in: scene.folder)
        try await program.waitForExit()
        #expect(program.status == 2)
        #expect(program.output.contains(why), "\(program.output)")
        try await scene.clear()
    }

    @Test func `no database ends with 1`() async throws {
        let scene = try await Place.sqlite.make()
        let nowhere = try await perdure("migrate", "\(scene.folder.path())/missing/x.db", in: scene)
        #expect(nowhere.status == 1)
        #expect(nowhere.output.contains("does not exist"))
        let nobody = try await perdure("migrate", "postgresql://u:secret@127.0.0.1:1/x", in: scene)
        #expect(nobody.status == 1)
        #expect(!nobody.output.contains("secret"))
        try await scene.clear()
    }
}
