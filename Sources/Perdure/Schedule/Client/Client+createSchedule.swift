/// What becomes of a schedule whose name is taken.
public enum ScheduleConflictPolicy: Sendable, Hashable {
    /// An error: ``WorkflowError/Code/alreadyExists``.
    case fail
    /// It becomes the new one; whether it is paused, and up to where it has fired, stays.
    case update
    /// It stays as it is, and nothing is made.
    case keep
}

extension Client {
    /// Makes a schedule that stands in nobody's code; it fires from now on.
    ///
    /// - Throws: ``WorkflowError`` if it cannot be, or its name is taken.
    public func createSchedule(_ schedule: Schedule, ifExists policy: ScheduleConflictPolicy = .fail) async throws {
        let stored = try schedule.stored(core.coder)
        let now = core.environment.clock.now()
        let isOver = try schedule.check().next(after: now) == nil
        let isSent = Lock(false)
        try await core.changeSchedule(stored.name) { row -> Result<Void, WorkflowError> in
            guard var known = row else {
                // In code it may have fired already; who makes one now means a time that is to come.
                if isOver {
                    return .failure(
                        WorkflowError(
                            .invalidDeclaration,
                            "schedule '\(stored.name)' never fires, for all of its times are past: give it one that is to come"))
                }
                isSent.withLock { $0 = true }
                row = ScheduleRow(stored, isDeclared: false, now: now)
                return .success(())
            }
            switch policy {
            case .fail:
                // Made by this very call, whose answer was lost.
                if isSent.withLock({ $0 }), known.text == stored.definition.text, known.declared == nil { return .success(()) }
                return .failure(
                    WorkflowError(
                        .alreadyExists,
                        "there is a schedule '\(stored.name)' already\(known.declared == nil ? "" : ", declared in code"): say what is to become of it with `ifExists`"
                    ))
            case .update:
                known.become(stored, now: now)
                row = known
            case .keep: break
            }
            return .success(())
        }
    }

    /// Changes a schedule, also one that is declared: then the change holds until its declaration in the code changes.
    ///
    /// ```swift
    /// try await client.updateSchedule("nightly report") { $0.overlap = .bufferOne }
    /// ```
    ///
    /// - Parameters:
    ///   - name: Of the schedule.
    ///   - change: May be called more than once.
    /// - Throws: ``WorkflowError`` if there is none of this name, or what it becomes cannot be.
    public func updateSchedule(_ name: String, _ change: @Sendable (inout Schedule) -> Void) async throws {
        let (now, coder) = (core.environment.clock.now(), core.coder)
        try await core.changeKnownSchedule(name) { row throws(WorkflowError) in
            guard let definition = row.definition else { throw try Self.unreadable(row) }
            var schedule = Schedule(name: name, definition, input: row.input)
            change(&schedule)
            let stored = try schedule.stored(coder)
            guard stored.definition != definition || stored.input != row.input else { return }
            row.become(stored, now: now)
        }
    }

    private static func unreadable(_ row: ScheduleRow) throws(WorkflowError) -> WorkflowError {
        _ = try row.plan()
        return WorkflowError(.undecodable, "schedule '\(row.name)' cannot be read")
    }

    /// Removes a schedule; the runs that it has started go on.
    ///
    /// One that is declared is made anew by the next engine that starts with it in its code.
    ///
    /// - Throws: ``WorkflowError`` if there is none of this name.
    public func deleteSchedule(_ name: String) async throws {
        let isThere = try await core.changeSchedule(name) { row in
            defer { row = nil }
            return .success(row != nil)
        }
        guard isThere else { throw ClientCore.noSchedule(name) }
    }
}

extension Engine {
    /// Makes a schedule that stands in nobody's code; see ``Client/createSchedule(_:ifExists:)``.
    public func createSchedule(_ schedule: Schedule, ifExists policy: ScheduleConflictPolicy = .fail) async throws {
        try await client.createSchedule(schedule, ifExists: policy)
    }

    /// Changes a schedule; see ``Client/updateSchedule(_:_:)``.
    public func updateSchedule(_ name: String, _ change: @Sendable (inout Schedule) -> Void) async throws {
        try await client.updateSchedule(name, change)
    }

    /// Removes a schedule; see ``Client/deleteSchedule(_:)``.
    public func deleteSchedule(_ name: String) async throws { try await client.deleteSchedule(name) }
}
