import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Which engine runs which version, and what is left of each.
@Suite(.timeLimit(.minutes(1)))
struct VersionTests {
    private static func configuration(_ version: String, compatible: Set<String> = []) -> EngineConfiguration {
        var configuration = EngineConfiguration.patient
        configuration.version = version
        configuration.compatibleVersions = compatible
        return configuration
    }

    @Test func aNewBuildGoesOnWithOldWorkflows() async throws {
        let database = MemoryDatabase()
        let client = try await Client(store: .memory(database), configuration: Self.configuration("1"))
        let old = try await client.start(Bystander.self, 2)
        let other = try await client.start(Bystander.self, 2, options: StartOptions(timeout: .hours(1), version: "0"))
        #expect(try await client.versions().map(\.version) == ["0", "1"])
        try await withEngine(store: .memory(database), configuration: Self.configuration("2", compatible: ["1"])) {
            Bystander()
        } body: { engine in
            #expect(try await old.result() == [0, 1])
            let new = try await engine.start(Bystander.self, 1)
            #expect(try await new.result() == [0])
            #expect(try await other.status().state == .queued)
            #expect(try await other.status().isServed == false)
            let versions = try await client.versions()
            #expect(versions.map(\.version) == ["", "0", "1", "2"])
            #expect(versions.map(\.open) == [0, 1, 0, 0])
            #expect(versions.map(\.engines) == [1, 0, 1, 1])
            let left = versions[1]
            #expect(left.queued == 1 && !left.isDrained)
            // It ends at its timeout at the latest.
            #expect(left.drainedAt == (try await other.status().deadlineAt))
        }
        await client.close()
    }

    /// Children have the version of their parent, which need not be the engine's.
    @Test func childrenOfOldWorkflowsRunHere() async throws {
        let database = MemoryDatabase()
        let client = try await Client(store: .memory(database), configuration: Self.configuration("1"))
        let old = try await client.start(Act.self, "")
        try await withEngine(store: .memory(database), configuration: Self.configuration("2", compatible: ["1"])) {
            Act { context in "\(try await context.child(Bystander.self, 1)) \(context.version)" }
            Bystander()
        } body: { _ in
            let text = try await old.result()
            #expect(text == "[0] 1")
        }
        await client.close()
    }
}
