import Foundation
import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// What arrives for a workflow whose start is committed, while the engine that owns it does not know yet.
@Suite(.timeLimit(.minutes(1)))
struct InboxRaceTests {
    @Test func aTerminateThatIsFasterThanTheReplyOfTheStartArrives() async throws {
        let database = MemoryDatabase()
        let (starts, seen) = (Counter(), Counter())
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act { context in
                try await context.sleep(for: .days(1))
                return "slept"
            }
        } body: { engine in
            _ = try await engine.registered()
            let client = try await Client(store: .memory(database))
            database.faults = { operation in
                switch (operation.kind, operation.moment) {
                case (.start, .after) where starts.add() == 1:
                    let end = Date.now + 5
                    Task {
                        try await client.terminate("act")
                        seen.add("sent")
                    }
                    // The reply is held back until the engine has looked.
                    while seen["looked"] == 0, Date.now < end { Thread.sleep(forTimeInterval: 0.001) }
                case (.arrivals, .before) where seen["sent"] > 0: seen.add("looks")
                case (.arrivals, .after) where seen["looks"] > 0: seen.add("looked")
                default: break
                }
                return nil
            }
            let handle = try await engine.start(Act.self, "", id: "act")
            try await waitWhile { try await !handle.status().state.isClosed }
            #expect(seen["looked"] > 0)
            await client.close()
        }
    }

    @Test func whatIsOverdueIsNotScheduled() async throws {
        let clock = TestClock()
        // It does not run: the workflow stays where it is.
        let engine = try await Engine(store: .memory(), clock: clock) { Act { _ in "" } }
        let handle = try await engine.start(Act.self, "", options: StartOptions(delay: .seconds(60)))
        #expect(try await handle.status().state == .scheduled)
        clock.advance(by: .seconds(61))
        #expect(try await handle.status().state == .queued)
        await engine.close()
    }
}
