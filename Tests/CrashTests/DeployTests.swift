internal import Foundation
internal import Perdure
internal import Testing

/// What the example `Deployments` runs; here it is only started.
private struct Delivery: Workflow {
    func run(_ order: Int, in context: WorkflowContext) async throws -> String { "not here" }
}

/// Builds of one program, checked before they are deployed, as a pipeline does it.
@Suite(.timeLimit(.minutes(5)))
struct DeployTests {
    private func build(_ build: String, _ arguments: String..., in scene: Scene) async throws -> (status: Int32, output: String) {
        let program = try Program(
            "Deployments", arguments, in: scene.folder, environment: ["BUILD": build, "DATABASE": scene.database])
        try await program.waitForExit()
        return (program.status, program.output)
    }

    /// What a check must leave as it is.
    private func rows(_ scene: Scene, _ client: Client) async throws -> [Int] {
        let prefix = scene.database.contains("://") ? "perdure." : "perdure_"
        var counts: [Int] = []
        for table in ["workflows", "live", "steps", "pending", "outcomes", "inbox", "executors", "fences", "served", "asides"] {
            counts += try await client.transaction { db in
                try await db.query("SELECT count(*) FROM \(unsafeRaw: prefix + table)", as: Int.self)
            }
        }
        return counts
    }

    @Test(arguments: Place.available)
    func `a build that would not go on is found before it is deployed`(_ place: Place) async throws {
        let scene = try await place.make()
        let client = try await scene.client()
        let worker = try Program(
            "Deployments", [], in: scene.folder, environment: ["BUILD": "first", "DATABASE": scene.database])
        for order in 0..<12 { try await client.start(Delivery.self, order, id: "delivery \(order)") }
        // Charged and packed, and now on their way for two weeks.
        for order in 0..<12 { try await wait { try await client.exportHistory(of: "delivery \(order)").rows == 3 } }
        worker.send(SIGTERM)
        try await worker.waitForExit()
        #expect(worker.status == 0, "\(worker.output)")
        let before = try await rows(scene, client)

        let same = try await build("first", "check-deploy", in: scene)
        #expect(same.status == 0, "\(same.output)")
        #expect(same.output.contains("12 open workflows") && same.output.contains("  consistent  12\n"))

        let careless = try await build("careless", "check-deploy", in: scene)
        #expect(careless.status == 1, "\(careless.output)")
        #expect(
            careless.output.contains("delivery 3 (Delivery): diverged at place 2\n  history: 'charge' (step)\n  code:    'pack' (step)\n"))
        #expect(careless.output.contains("  Delivery  'charge' (step)  12\n"))
        #expect(careless.output.contains("would not go on with 12 of them"))

        let json = try await build("careless", "check-deploy", "--json", "--limit", "1", in: scene)
        #expect(json.status == 1)
        #expect(json.output.contains(#""step":"charge""#) && json.output.contains(#""summary":{"checked":1"#), "\(json.output)")

        let careful = try await build("careful", "check-deploy", "--export", "\(scene.folder.path())/exported", in: scene)
        #expect(careful.status == 0, "\(careful.output)")
        #expect(try HistoryExport.read("\(scene.folder.path())/exported").count == 12)
        #expect(try await build("careless", "check-deploy", "--from", "\(scene.folder.path())/exported", in: scene).status == 1)
        let one = try await build("careless", "replay", "delivery 7", in: scene)
        #expect(one.status == 1 && one.output.contains("    3  step  pack") && one.output.contains("diverged"), "\(one.output)")
        #expect(try await build("first", "check-deploy", "--fast", in: scene).status == 2)

        #expect(try await rows(scene, client) == before)
        await client.close()
        try await scene.clear()
    }

    /// A check makes no tables where there are none.
    @Test(arguments: Place.available)
    func `without tables nothing can be checked`(_ place: Place) async throws {
        let scene = try await place.make()
        let checked = try await build("first", "check-deploy", in: scene)
        #expect(checked.status == 2, "\(checked.output)")
        #expect(checked.output.contains("nothing could be checked"))
        try await scene.clear()
    }
}
