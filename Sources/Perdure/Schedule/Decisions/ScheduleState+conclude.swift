// What remains of a decision when it has been carried out.

extension ScheduleState {
    /// - Parameters:
    ///   - begun: What was started, and the numbers of the runs.
    ///   - refused: What the database would not start.
    ///   - isCut: There is more to decide at once, as the verdict says; or something of it had fired before.
    package mutating func conclude(
        _ plan: SchedulePlan, begun: [(start: ScheduledStart, number: WorkflowNumber)], refused: Int = 0, isCut: Bool, now: Microseconds
    ) {
        for (start, number) in begun {
            started += 1
            let policy = start.overlap ?? plan.definition.overlap
            if !open.contains(where: { $0.number == number }) {
                open.append(ScheduledRun(number: number, isBeside: policy == .allowAll))
            }
            if start.kind == .time, let left = runsLeft { runsLeft = max(0, left - 1) }
            if start.kind != .backfill || lastAt.map({ $0 <= start.nominal }) ?? true {
                (lastAt, lastID) = (start.nominal, ScheduledID.id(plan.name, start))
            }
        }
        if open.count > Self.openLimit { open.removeFirst(open.count - Self.openLimit) }
        dropped += Int64(refused)
        rest(plan, isCut: isCut, now: now)
    }

    /// When to look again.
    private mutating func rest(_ plan: SchedulePlan, isCut: Bool, now: Microseconds) {
        next = fires ? plan.times.next(after: handled) : nil
        due = next.map { plan.moment(of: $0) } ?? .max
        if !waiting.isEmpty { due = min(due, now.adding(Self.patience)) }
        if isCut { due = min(due, now) }
    }
}
