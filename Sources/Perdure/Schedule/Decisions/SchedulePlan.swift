internal import FoundationEssentials

/// What a schedule is to do, ready to be asked.
package struct SchedulePlan: Sendable {
    package let name: String
    package let definition: ScheduleDefinition
    package let times: CompiledSchedule

    package init(name: String, _ definition: ScheduleDefinition) throws(WorkflowError) {
        (self.name, self.definition) = (name, definition)
        times = try definition.spec.compiled()
    }

    /// When the start of that time happens: it is put off by its share of the jitter.
    func moment(of nominal: Microseconds) -> Microseconds {
        times.jitter == 0 ? nominal : times.jittered(Date(microseconds: nominal), name: name).microseconds ?? nominal
    }

    /// Nothing that was decided by these times is decided again by others.
    ///
    /// If nothing was due, all is decided up to now. If something was, nobody has looked since: then what comes by the new times is made up
    /// for from there.
    func settled(_ handled: Microseconds, now: Microseconds) -> Microseconds {
        guard let next = times.next(after: handled) else { return max(handled, now) }
        // One whose start is put off is not decided either.
        return moment(of: next) <= now ? handled : max(handled, min(now, next - 1))
    }
}
