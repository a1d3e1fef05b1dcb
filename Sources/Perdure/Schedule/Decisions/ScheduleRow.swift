/// A schedule as it is in the database.
package struct ScheduleRow: Sendable, Equatable {
    package var name: String
    /// The definition as it is stored; what a newer version wrote need not make sense here.
    package var text: String
    package var input: EncodedPayload
    /// The mark of the declaration in code that it goes back to; nil: it was made at run time.
    package var declared: String?
    /// Raised by every change of what it does.
    package var revision: Int64
    package var state: ScheduleState

    package init(
        name: String, text: String, input: EncodedPayload, declared: String? = nil, revision: Int64 = 1, state: ScheduleState
    ) {
        (self.name, self.text, self.input, self.declared) = (name, text, input, declared)
        (self.revision, self.state) = (revision, state)
    }

    /// A new one, which begins now.
    package init(_ schedule: StoredSchedule, isDeclared: Bool, now: Microseconds) {
        self.init(
            name: schedule.name, text: schedule.definition.text, input: schedule.input, declared: isDeclared ? schedule.mark : nil,
            state: ScheduleState(handled: now, due: now, runsLeft: schedule.definition.runs))
    }

    package var definition: ScheduleDefinition? { ScheduleDefinition(text: text) }

    package func plan() throws(WorkflowError) -> SchedulePlan {
        guard let definition else {
            throw WorkflowError(.undecodable, "schedule '\(name)' holds what this version of Perdure cannot read")
        }
        return try SchedulePlan(name: name, definition)
    }

    /// Becomes another; whether it is paused, and up to where it has fired, stays.
    package mutating func become(_ schedule: StoredSchedule, now: Microseconds) {
        let old = definition
        if let plan = try? plan(), plan.definition.spec != schedule.definition.spec {
            state.handled = plan.settled(state.handled, now: now)
        }
        if old?.runs != schedule.definition.runs {
            // One that had stopped goes on from now.
            if state.runsLeft == 0 { state.handled = max(state.handled, now) }
            state.runsLeft = schedule.definition.runs
        }
        (text, input) = (schedule.definition.text, schedule.input)
        revision += 1
        state.due = min(state.due, now)
    }
}

/// A schedule, and what only the database can tell of it.
package struct ScheduleListing: Sendable {
    package var row: ScheduleRow
    /// How many of its open runs are open in fact.
    package var running: Int
    /// It was declared in code, and is in no live engine's any more, though one that runs its workflow has started since.
    package var isOrphaned: Bool
    /// It was made at run time, and a live engine declares one of this name.
    package var hasConflict: Bool

    package init(row: ScheduleRow, running: Int, isOrphaned: Bool, hasConflict: Bool) {
        (self.row, self.running, self.isOrphaned, self.hasConflict) = (row, running, isOrphaned, hasConflict)
    }
}

extension ScheduleRow {
    /// Whether the end of a run is a reason to look at it.
    package var waits: Bool { !state.waiting.isEmpty || !state.backfills.isEmpty || definition?.pauseOnFailure == true }
}
