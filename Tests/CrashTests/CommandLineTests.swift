internal import Foundation
internal import Testing

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
        let after = try await perdure("version", scene.database, in: scene)
        #expect(after.status == 0)
        #expect(after.output.contains("tables of version 3"))
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
