internal import FoundationEssentials

// Schedules: what is declared, when the next is due, and that they fire.

extension Incarnation {
    /// Rows that are due and that another engine is at are looked at again so much later.
    private static let patience = Duration.seconds(1)
    /// So often in a row: what a long outage has left must not hold up other work.
    private static let rounds = 20

    /// Stores what the engine declares: a changed declaration replaces the stored one, whether it is paused and where it stands stays.
    private func declareSchedules() async throws(StoreError) {
        for schedule in schedules {
            let now = clock.now()
            let verdict: Declared
            do throws(StoreError) {
                verdict = try await store.changeSchedule(schedule.name) { row in Self.declare(schedule, &row, now: now) }
            } catch {
                guard error.code == .rejected else { throw error }
                log(.error, "schedule '\(schedule.name)' cannot be stored, and does not fire: \(error)")
                continue
            }
            switch verdict {
            case .same: break
            case .conflict:
                log(
                    .error,
                    "schedule '\(schedule.name)' is declared in this program, but one of that name was made at run time, and that one holds: delete it and start this engine again, or rename one of them"
                )
            case .changed(let before):
                tellOthers { $0.settings = true }
                guard let before else { continue }
                log(
                    .info,
                    "schedule '\(schedule.name)' was declared otherwise until now, and the new declaration holds; before it was \(before)")
            }
        }
        if !schedules.isEmpty || registrations.keys.contains(where: { !$0.hasPrefix(Names.reserved) }) {
            name(orphans: try await store.declareSchedules(schedules.map(\.name), by: id))
        }
        hasUndeclaredSchedules.withLock { $0 = false }
    }

    private enum Declared: Sendable {
        case same
        /// With what was stored before, if there was anything.
        case changed(String?)
        case conflict
    }

    private static func declare(_ schedule: StoredSchedule, _ row: inout ScheduleRow?, now: Microseconds) -> Declared {
        guard var known = row else {
            row = ScheduleRow(schedule, isDeclared: true, now: now)
            return .changed(nil)
        }
        guard let mark = known.declared else { return .conflict }
        // What was changed at run time stays until the code changes.
        if mark == schedule.mark { return .same }
        let before = known.text
        known.become(schedule, now: now)
        known.declared = schedule.mark
        row = known
        return .changed(before)
    }

    /// Each once: it goes on firing until a person says otherwise.
    private func name(orphans: [String]) {
        for orphan in orphans where namedOrphans.withLock({ $0.insert(orphan).inserted }) {
            log(
                .warning,
                "schedule '\(orphan)' was declared in code and is in no running program's any more; it fires all the same, until it is deleted or paused, or declared again"
            )
        }
    }

    /// Declares what is not declared yet, and looks when the first is due.
    func readSchedules() async throws(StoreError) {
        if hasUndeclaredSchedules.withLock({ $0 }) { try await declareSchedules() }
        let next = try await store.nextSchedule() ?? .max
        todo.withLock { $0.nextSchedule = next }
    }

    /// Has those fire that are due, whoever declares them.
    ///
    /// - Parameter ended: Schedules of which a run has ended here: something may wait for that.
    func fireSchedules(_ now: Microseconds, ended: Set<String>) async throws(StoreError) {
        todo.withLock { $0.nextSchedule = .max }
        var request = FireRequest(now: now, executor: id, ended: ended)
        do throws(StoreError) {
            var next = now
            for _ in 0..<Self.rounds where next <= now && !isEnding {
                let report = try await store.fireSchedules(request)
                tell(report)
                request.ended = []
                next = report.next ?? .max
                // What is due all the same is in another engine's hands.
                if next <= now, report.looked == 0 { next = now.adding(Self.patience) }
            }
            todo.withLock { $0.nextSchedule = min($0.nextSchedule, next) }
        } catch {
            todo.withLock { $0.nextSchedule = min($0.nextSchedule, now) }
            throw error
        }
    }

    private func tell(_ report: FireReport) {
        for complaint in report.complaints { log(.error, complaint) }
        name(orphans: report.orphaned)
        if !report.started.isEmpty { becameReady() }
        guard report.hasAsked else { return }
        look { $0.inbox = true }
        tellOthers { $0.inbox = true }
    }

    /// What waits for the end of a run may have its turn.
    func scheduledRunEnded(_ record: WorkflowRecord) {
        guard let name = record.scheduled?.name else { return }
        look { $0.endedRuns.insert(name) }
    }
}

extension WorkflowRecord {
    /// Of which schedule it is a run; nil if of none.
    var scheduled: (name: String, time: Date)? {
        // The runs of schedules have ids and attributes: of most workflows nothing is decoded.
        guard id?.utf8.contains(UInt8(ascii: "@")) == true, let attributes, attributes.codec == 1 else { return nil }
        guard let all = AttributeJSON.read(attributes.bytes), let name = all[ScheduledID.nameAttribute]?.storedText,
            case .date(let time) = all[ScheduledID.timeAttribute]
        else { return nil }
        return (name, time)
    }
}
