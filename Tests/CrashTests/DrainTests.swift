internal import Foundation
internal import Perdure
internal import Testing

/// What `CrashWorker` runs; here it is only started and awaited.
private struct Victim: Workflow {
    func run(_ fate: String, in context: WorkflowContext) async throws -> String { "not here" }
}

@Suite(.timeLimit(.minutes(2)))
struct DrainTests {
    /// A worker with bodies that block their threads, and much that waits.
    private func busyWorker(_ scene: Scene, _ client: Client, bodies: Int) async throws -> (Program, busy: [String], idle: [String]) {
        let worker = try scene.worker()
        let (busy, idle) = ((0..<bodies).map { "busy \($0)" }, (0..<40).map { "idle \($0)" })
        for id in idle { try await client.start(Victim.self, "sleep", id: id) }
        for id in busy { try await client.start(Victim.self, "linger", id: id) }
        try await wait { scene.diary.contains { $0.hasPrefix("body") } }
        for id in idle + busy { try await wait { try await client.status(of: id).state == .running } }
        return (worker, busy, idle)
    }

    private func owners(_ ids: [String], _ scene: Scene, _ client: Client) async throws -> Set<Int64> {
        try await client.owners(ids, in: scene.database.contains("://") ? "perdure.workflow_status" : "perdure_workflow_status")
    }

    /// Until another engine has all of these.
    private func handedOver(_ ids: [String], from first: Set<Int64>, _ scene: Scene, _ client: Client) async throws {
        try await wait {
            let now = try await owners(ids, scene, client)
            return now.count == 1 && now.isDisjoint(with: first)
        }
    }

    @Test(arguments: Place.available)
    func `a process that is asked to end finishes its steps, and hands over the rest at once`(_ place: Place) async throws {
        let scene = try await place.make()
        let client = try await scene.client()
        // More than there are threads for them.
        let (first, busy, idle) = try await busyWorker(scene, client, bodies: 4)
        let before = try await owners(idle, scene, client)
        #expect(before.count == 1)
        let second = try scene.worker()
        try await wait { try await client.engines(scene) == 2 }
        first.send(SIGTERM)
        try await handedOver(idle, from: before, scene, client)
        #expect(first.isRunning)
        for id in idle { #expect(try await client.status(of: id).crashes == 0) }
        let bodies = scene.diary.filter { $0.hasPrefix("body") }
        try Data().write(to: scene.folder.appending(path: "go"))
        try await first.waitForExit()
        #expect(first.status == 0)
        for id in busy { #expect(try await client.handle(of: Victim.self, id: id).result() == "done") }
        // What had begun was finished there, and not begun again.
        for body in bodies { #expect(scene.diary.filter { $0 == body }.count == 1) }
        try await second.killAndWait()
        await client.close()
        try await scene.clear()
    }

    @Test func `a third signal ends the process, whatever its threads do`() async throws {
        let scene = try await Place.sqlite.make()
        let client = try await scene.client()
        let (first, busy, idle) = try await busyWorker(scene, client, bodies: 4)
        first.send(SIGTERM)
        try await wait { try await owners(idle, scene, client).isEmpty }
        first.send(SIGTERM)
        try await wait { try await client.status(of: busy[0]).state == .queued }
        try await wait {
            first.send(SIGTERM)
            return !first.isRunning
        }
        await client.close()
        try await scene.clear()
    }

    @Test(arguments: Place.available)
    func `a second signal ends it at once`(_ place: Place) async throws {
        let scene = try await place.make()
        let client = try await scene.client()
        let (first, busy, idle) = try await busyWorker(scene, client, bodies: 1)
        let before = try await owners(idle, scene, client)
        first.send(SIGTERM)
        // It has begun to end.
        try await wait { try await owners(idle, scene, client).isEmpty }
        #expect(first.isRunning)
        first.send(SIGTERM)
        try await first.waitForExit()
        #expect(first.status == 0)
        for id in busy + idle {
            let status = try await client.status(of: id)
            #expect(status.state == .queued && status.crashes == 0)
        }
        try Data().write(to: scene.folder.appending(path: "go"))
        let second = try scene.worker()
        for id in busy { #expect(try await client.handle(of: Victim.self, id: id).result() == "done") }
        #expect(try await owners(idle, scene, client).isDisjoint(with: before))
        try await second.killAndWait()
        await client.close()
        try await scene.clear()
    }
}

extension Client {
    fileprivate func owners(_ ids: [String], in view: String) async throws -> Set<Int64> {
        let rows = try await transaction(isolation: .readCommitted) { db in
            try await db.query("SELECT id, executor FROM \(unsafeRaw: view)", as: Ownership.self)
        }
        let asked = Set(ids)
        return Set(rows.filter { asked.contains($0.id) }.compactMap(\.executor))
    }

    fileprivate func engines(_ scene: Scene) async throws -> Int {
        let table = scene.database.contains("://") ? "perdure.executors" : "perdure_executors"
        return try await transaction(isolation: .readCommitted) { db in
            try await db.query("SELECT count(*) FROM \(unsafeRaw: table)", as: Int.self)[0]
        }
    }
}

private struct Ownership: Decodable {
    var id: String
    var executor: Int64?
}
