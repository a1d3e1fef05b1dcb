internal import Foundation
internal import Perdure
internal import Testing

/// What `CrashWorker` runs; here it is only started and awaited.
private struct Victim: Workflow {
    func run(_ fate: String, in context: WorkflowContext) async throws -> String { "not here" }
}

@Suite(.timeLimit(.minutes(2)))
struct CrashTests {
    @Test(arguments: Place.available)
    func `a step whose process is killed runs again with the same key, and those before it do not`(_ place: Place) async throws {
        let scene = try await place.make()
        let client = try await scene.client()
        let first = try scene.worker()
        let handle = try await client.start(Victim.self, "kill step", id: "victim")
        try await first.waitForExit()
        let second = try scene.worker()
        #expect(try await handle.result() == "done")
        let diary = scene.diary
        // Attempts that were cut off are not counted: the retry policy is about failures.
        let body = try #require(diary.first { $0.hasPrefix("body 1 ") })
        #expect(diary == ["first", body, body, "transaction", "last"])
        #expect(try await client.payments() == 1)
        try await second.killAndWait()
        await client.close()
        try await scene.clear()
    }

    @Test(arguments: Place.available)
    func `a transaction whose process is killed is rolled back, and runs again`(_ place: Place) async throws {
        let scene = try await place.make()
        let client = try await scene.client()
        let first = try scene.worker()
        let handle = try await client.start(Victim.self, "kill transaction", id: "victim")
        try await first.waitForExit()
        #expect(try await client.payments() == 0)
        let second = try scene.worker()
        #expect(try await handle.result() == "done")
        #expect(scene.diary.filter { !$0.hasPrefix("body") } == ["first", "transaction", "transaction", "last"])
        #expect(scene.diary.count == 5)
        #expect(try await client.payments() == 1)
        try await second.killAndWait()
        await client.close()
        try await scene.clear()
    }

    /// Nobody restarts it but this test, which is as patient as a supervisor.
    @Test(arguments: Place.available)
    func `a workflow that kills each process that runs it is set aside, and the others are not`(_ place: Place) async throws {
        let scene = try await place.make()
        let client = try await scene.client()
        let poison = try await client.start(Victim.self, "always kill step", id: "poison")
        var others: [WorkflowHandle<String>] = []
        for number in 0..<20 { others.append(try await client.start(Victim.self, number < 10 ? "spare" : "sleep", id: "other \(number)")) }
        var deaths = 0
        while try await poison.status().state != .setAside {
            let worker = try scene.worker()
            // The last is not killed by the poison: it finds that it was enough.
            while worker.isRunning, try await poison.status().state != .setAside { try await Task.sleep(for: .milliseconds(20)) }
            if !worker.isRunning { deaths += 1 }
            try await worker.killAndWait()
        }
        // Under load it may be slow to kill, and be taken for innocent once more.
        #expect(deaths >= 5)
        let status = try await poison.status()
        #expect(status.crashes == 5 && status.reason?.contains("5 times without progress") == true)
        let worker = try scene.worker()
        for other in others[..<10] { #expect(try await other.result() == "done") }
        for other in others[10...] { #expect(try await other.status().state != .setAside) }
        try await worker.killAndWait()
        await client.close()
        try await scene.clear()
    }

    @Test(arguments: Place.available)
    func `a process that wakes up after its lease has ended cannot write one more row`(_ place: Place) async throws {
        try await stopped(in: "step", place)
    }

    /// On SQLite a process that is stopped inside a transaction holds the file's write lock until it goes on or dies.
    @Test(arguments: Place.available.filter { $0 == .postgres })
    func `a process that wakes up inside a transaction cannot commit it`(_ place: Place) async throws {
        try await stopped(in: "transaction", place)
    }

    private func stopped(in part: String, _ place: Place) async throws {
        let scene = try await place.make()
        let client = try await scene.client()
        let first = try scene.worker()
        let handle = try await client.start(Victim.self, "stop \(part)", id: "victim")
        try await wait { first.isStopped }
        guard try await scene.isWritable() else {
            // It was stopped in the middle of a heartbeat, and the file is locked until it goes on or dies: another try.
            try await first.killAndWait()
            await client.close()
            try await scene.clear()
            return try await stopped(in: part, place)
        }
        let second = try scene.worker()
        #expect(try await handle.result() == "done")
        let diary = scene.diary

        first.send(SIGCONT)
        try await wait { first.output.contains("has lost its lease") }
        #expect(try await client.payments() == 1)
        // It has registered anew, and is as good as any other.
        try await second.killAndWait()
        #expect(try await client.start(Victim.self, "spare", id: "spared").result() == "done")
        #expect(try await client.payments() == 2)
        let since = scene.diary.dropFirst(diary.count)
        #expect(since.map { $0.prefix(5) } == ["first", "body ", "trans", "last"], Comment(rawValue: "\(scene.diary)"))
        #expect(first.isRunning)
        try await first.killAndWait()
        await client.close()
        try await scene.clear()
    }
}
