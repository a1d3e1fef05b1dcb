internal import Perdure

// What becomes of a workflow whose executor has it no more.
extension Tables {
    func isSuspect(_ number: WorkflowNumber) -> Bool { (live[number]?.crashes ?? 0) >= CrashRules.suspicion }

    /// Its executor has handed it back.
    mutating func giveBack(_ number: WorkflowNumber, now: Microseconds) {
        if live[number]?.endsUnrun == true { return makeFresh(number) }
        guard isSuspect(number) else { return makeReady(number, returned: true) }
        makeSuspect(number, due: live[number]?.due ?? now)
    }

    /// Its executor has died, and was `heard` last while suspects were on probation, if any were.
    mutating func crash(_ number: WorkflowNumber, heard: Microseconds?, _ rules: CrashRules, now: Microseconds) {
        guard let row = live[number] else { return }
        if row.endsUnrun { return makeFresh(number) }
        let isBlamed = heard.map { !isSuspect(number) || (row.probation ?? .min) >= $0 } ?? true
        let crashes = row.crashes + (isBlamed ? 1 : 0)
        live[number]?.crashes = crashes
        if isBlamed, crashes >= rules.limit { return setAside(number, reason: "") }
        if crashes < CrashRules.suspicion { return makeReady(number, returned: true) }
        makeSuspect(number, due: max(row.due ?? .min, rules.due(number, after: crashes, now: now)))
    }

    private mutating func makeFresh(_ number: WorkflowNumber) {
        live[number]?.endsUnrun = false
        makeReady(number, returned: false)
        watchExpiry(of: number)
    }

    private mutating func makeSuspect(_ number: WorkflowNumber, due: Microseconds) {
        guard var row = live[number] else { return }
        leave(number, row)
        row.state = .suspect
        row.executor = nil
        (row.due, row.probation) = (due, nil)
        live[number] = row
        suspects.insert(number)
    }

    /// The one that is due first before the others.
    private func suspects(of repertoire: Repertoire) -> [(number: WorkflowNumber, due: Microseconds, crashes: Int)] {
        suspects.compactMap { number in
            live[number].flatMap { row in
                repertoire.contains(lanes[row.lane]) ? (number: number, due: row.due ?? .min, crashes: row.crashes) : nil
            }
        }.sorted { ($0.due, $0.number) < ($1.due, $1.number) }
    }

    func nextSuspect(_ repertoire: Repertoire) -> Suspect? {
        suspects(of: repertoire).first.map { Suspect(crashes: $0.crashes, due: $0.due) }
    }

    /// It has let its executor live.
    mutating func acquit(_ numbers: [WorkflowNumber], by executor: ExecutorID) throws(StoreError) {
        try checkFence(executor)
        for number in numbers where isOwned(number, by: executor) { live[number]?.probation = nil }
    }

    mutating func claimSuspects(
        _ repertoire: Repertoire, crashes: Int, now: Microseconds, limit: Int, until end: Microseconds, by executor: ExecutorID
    ) throws(StoreError) -> [Claimed] {
        try checkFence(executor)
        return suspects(of: repertoire).filter { $0.crashes == crashes && $0.due <= now }.prefix(max(0, limit)).map { suspect in
            let isAtOnce = live[suspect.number].map { repertoire.wakes(lanes[$0.lane]) } ?? true
            if isAtOnce {
                makeOwned(suspect.number, by: executor)
            } else {
                makeReady(suspect.number, returned: true)
                live[suspect.number]?.due = nil
            }
            live[suspect.number]?.probation = isAtOnce ? end : .max
            return Claimed(number: suspect.number, crashes: crashes, isServed: isAtOnce)
        }
    }

    mutating func forgive(_ number: WorkflowNumber, by executor: ExecutorID) {
        if isOwned(number, by: executor) { live[number]?.crashes = 0 }
    }
}
