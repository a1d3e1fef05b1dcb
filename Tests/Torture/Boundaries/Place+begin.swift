import Foundation
import Perdure

extension Place {
    /// Has ordeals begin; their ids.
    func begin(_ shape: Shape, _ name: String) async throws -> [String] {
        guard shape == .scheduled else {
            try await client.start(Ordeal.self, shape, id: name)
            return [name]
        }
        // It fires once a year of its own accord, which is not now.
        let times = ScheduleSpec.cron("0 0 1 1 *")
        try await client.createSchedule(Schedule(name, times, Ordeal.self, input: shape))
        let (first, last) = (Date(timeIntervalSince1970: 1_704_067_200), Date(timeIntervalSince1970: 1_735_689_600))
        try await client.backfillSchedule(name, from: first, through: last, overlap: .allowAll)
        return ["2024", "2025"].map { "\(name)@\($0)-01-01T00:00:00Z" }
    }

    /// Waits for it, also for its beginning.
    func end(of id: String) async throws {
        while true {
            do {
                _ = try await client.handle(of: Ordeal.self, id: id).result()
                return
            } catch let error as WorkflowError where error.code == .notFound {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }
}
