extension Client {
    /// Stops a schedule from firing; its open runs go on.
    ///
    /// What waits for a run to end is not started any more. What is triggered or backfilled is started all the same.
    public func pauseSchedule(_ name: String, reason: String? = nil) async throws {
        let now = core.environment.clock.now()
        try await core.changeKnownSchedule(name) { $0.state.pause(reason, now: now) }
    }

    /// Has a schedule fire again; what would have been its times while it was paused is not made up for.
    public func resumeSchedule(_ name: String) async throws {
        let now = core.environment.clock.now()
        try await core.changeKnownSchedule(name) { $0.state.resume(now: now) }
    }
}

extension Engine {
    /// Stops a schedule from firing; see ``Client/pauseSchedule(_:reason:)``.
    public func pauseSchedule(_ name: String, reason: String? = nil) async throws {
        try await client.pauseSchedule(name, reason: reason)
    }

    /// Has a schedule fire again; see ``Client/resumeSchedule(_:)``.
    public func resumeSchedule(_ name: String) async throws { try await client.resumeSchedule(name) }
}
