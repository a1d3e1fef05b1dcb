internal import FoundationEssentials

extension ScheduleSpec {
    /// Checks all of it, and makes it ready to be asked.
    package func compiled() throws(WorkflowError) -> CompiledSchedule {
        guard !times.isEmpty else { throw Self.complaint("a schedule needs at least one time (`.cron`, `.every`, `.calendar`, `.once`)") }
        guard let zone = ZoneNames.table(timeZone) else {
            let hint = ZoneNames.closest(to: timeZone).map { "did you mean `\($0)`?" } ?? "names are like `Europe/Madrid`"
            throw Self.complaint("there is no time zone `\(timeZone.prefix(100))`; \(hint)")
        }
        var compiledTimes: [CompiledTime] = []
        for time in times { compiledTimes.append(try time.compiled(zone)) }
        var left: [CompiledTime] = []
        for exclusion in exclusions {
            let time = try exclusion.compiled(zone)
            if case .interval = time {
                throw Self.complaint("an interval cannot be an exclusion; use a cron expression, a calendar or a moment")
            }
            left.append(time)
        }
        guard jitter >= .zero else { throw Self.complaint("the jitter is \(jitter), and cannot be negative") }
        let first = try Self.bound(start, "start") ?? .min
        let last = try Self.bound(end, "end") ?? .max
        guard first <= last else { throw Self.complaint("the start of the schedule is after its end; exchange them") }
        let schedule = CompiledSchedule(times: compiledTimes, exclusions: left, first: first, last: last, jitter: jitter.inMicroseconds)
        if !left.isEmpty, !schedule.hasTimes {
            throw Self.complaint("the schedule never fires, for its exclusions leave none of its times")
        }
        if start != nil || end != nil, schedule.next(after: .min) == nil {
            throw Self.complaint("the schedule never fires, for none of its times is between its start and its end")
        }
        return schedule
    }

    private static func bound(_ date: Date?, _ name: String) throws(WorkflowError) -> Microseconds? {
        guard let date else { return nil }
        guard let moment = date.microseconds else { throw complaint("the \(name) of the schedule is not a number") }
        return moment
    }

    private static func complaint(_ text: String) -> WorkflowError { WorkflowError(.invalidDeclaration, text) }
}

extension ScheduleTime {
    fileprivate func compiled(_ zone: ZoneTable) throws(WorkflowError) -> CompiledTime {
        switch kind {
        case .cron(let text):
            switch try CronExpression(text) {
            case .fields(let fields): .fields(ZonedFields(fields: fields, zone: zone))
            case .every(let interval): try Self.interval(interval, phase: .zero)
            }
        case .every(let interval, let phase): try Self.interval(interval, phase: phase)
        case .calendar(let calendar): .fields(ZonedFields(fields: try calendar.fields(), zone: zone))
        case .once(let date):
            if let moment = date.microseconds, CompiledSchedule.searched.contains(moment) {
                .once(moment)
            } else {
                throw WorkflowError(.invalidDeclaration, "the moment of `.once` is not between 1970 and 2199")
            }
        }
    }

    private static func interval(_ interval: Duration, phase: Duration) throws(WorkflowError) -> CompiledTime {
        guard interval >= .seconds(1) else {
            throw WorkflowError(.invalidDeclaration, "an interval is \(interval), and must be at least 1 second")
        }
        let every = interval.inMicroseconds
        return .interval(every: every, phase: phase.inMicroseconds.dividedDown(by: every).remainder)
    }
}
