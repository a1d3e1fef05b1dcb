public import FoundationEssentials

extension Client {
    /// All schedules, in the order of their names.
    public func schedules() async throws -> [ScheduleStatus] {
        let now = core.environment.clock.now()
        return try await core.again { () throws(StoreError) in try await core.store.schedules(nil) }.map { ScheduleStatus($0, now: now) }
    }

    /// A schedule.
    ///
    /// - Throws: ``WorkflowError`` if there is none of this name.
    public func schedule(_ name: String) async throws -> ScheduleStatus {
        ScheduleStatus(try await core.listing(of: name), now: core.environment.clock.now())
    }

    /// The nominal times that come next, as far as there are any, whether it is paused or not.
    public func previewSchedule(_ name: String, count: Int = 10) async throws -> [Date] {
        let row = try await core.listing(of: name).row
        return try row.plan().times.times(
            after: Date(microseconds: core.environment.clock.now()), through: .distantFuture, limit: max(0, count))
    }

    /// The nominal times that come next of a schedule that need not be stored; nothing is asked of the database.
    ///
    /// - Throws: ``WorkflowError`` if it cannot be.
    public func previewSchedule(_ schedule: Schedule, count: Int = 10) throws -> [Date] {
        try schedule.check().times(after: Date(microseconds: core.environment.clock.now()), through: .distantFuture, limit: max(0, count))
    }
}

extension Engine {
    /// All schedules, in the order of their names.
    public func schedules() async throws -> [ScheduleStatus] { try await client.schedules() }

    /// A schedule; see ``Client/schedule(_:)``.
    public func schedule(_ name: String) async throws -> ScheduleStatus { try await client.schedule(name) }

    /// The nominal times that come next.
    public func previewSchedule(_ name: String, count: Int = 10) async throws -> [Date] {
        try await client.previewSchedule(name, count: count)
    }

    /// The nominal times that come next of a schedule that need not be stored.
    public func previewSchedule(_ schedule: Schedule, count: Int = 10) throws -> [Date] {
        try client.previewSchedule(schedule, count: count)
    }
}
