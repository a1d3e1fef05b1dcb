/// What is paused, as an engine knows it: pure.
struct PauseBook: Sendable {
    private(set) var rows: [PauseSubject: PauseRow] = [:]
    /// Those of the rows that hold something back, by their numbers.
    private(set) var active: [Int64: PauseRow] = [:]
    /// The types that are paused.
    private(set) var types: Set<String> = []

    var isEmpty: Bool { active.isEmpty }

    /// The rows as they were read; none of them is older than what is known.
    mutating func adopt(_ read: [PauseRow], at now: Microseconds) {
        let known = rows
        rows = Dictionary(read.map { ($0.subject, $0) }) { first, _ in first }
        for (subject, row) in known where row.revision > rows[subject]?.revision ?? .min {
            // A row that was ended is not read any more; one that was just written may not have been there yet.
            if row.ended != nil || rows[subject] != nil { rows[subject] = row }
        }
        sort(at: now)
    }

    /// One row as it is now.
    mutating func learn(_ row: PauseRow, at now: Microseconds) {
        guard row.revision >= rows[row.subject]?.revision ?? .min else { return }
        rows[row.subject] = row
        sort(at: now)
    }

    /// What holds at this moment.
    mutating func sort(at now: Microseconds) {
        active = [:]
        for row in rows.values where row.isActive(at: now) { active[row.number] = row }
        types = Set(active.values.lazy.filter { $0.subject.kind == .workflowType }.map(\.subject.name))
    }

    /// The pause of a step, in all types or in this one.
    func pause(ofStep name: String, in type: String) -> PauseRow? {
        for scope in ["", type] {
            if let row = rows[PauseSubject(.step, name, in: scope)], active[row.number] != nil { return row }
        }
        return nil
    }

    /// The row of a breaker that is not closed.
    func breaker(_ key: String) -> PauseRow? {
        guard let row = rows[PauseSubject(.breaker, key)], active[row.number] != nil, row.breaker != nil else { return nil }
        return row
    }

    /// When something changes although nobody changes it.
    func nextChange(after now: Microseconds) -> Microseconds? {
        active.values.compactMap { row in
            row.breaker.map { $0.nextChange(after: now) } ?? row.until
        }.filter { $0 > now }.min()
    }
}
