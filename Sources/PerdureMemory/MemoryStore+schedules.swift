internal import Perdure

// Schedules, and what they start.
extension MemoryStore {
    func schedules(_ names: [String]?) async throws(StoreError) -> [ScheduleListing] {
        // As `status`: a test may ask until something has happened.
        await Task.yield()
        return try database.perform(.schedules) { tables, now in tables.schedules(names, now: now) }
    }

    func changeSchedule<Answer: Sendable>(
        _ name: String, _ change: @Sendable (inout ScheduleRow?) -> Answer
    ) async throws(StoreError) -> Answer {
        try database.perform(.changeSchedule) { tables, _ in tables.changeSchedule(name, change) }
    }

    func declareSchedules(_ names: [String], by executor: ExecutorID) async throws(StoreError) -> [String] {
        try database.perform(.declareSchedules, by: executor) { tables, now in tables.declareSchedules(names, by: executor, now: now) }
    }

    func nextSchedule() async throws(StoreError) -> Microseconds? {
        try database.perform(.nextSchedule) { tables, _ in tables.nextSchedule() }
    }

    func fireSchedules(_ request: FireRequest) async throws(StoreError) -> FireReport {
        try database.perform(.fireSchedules, by: request.executor) { tables, now throws(StoreError) in
            try tables.fire(request, now: now)
        }
    }
}
