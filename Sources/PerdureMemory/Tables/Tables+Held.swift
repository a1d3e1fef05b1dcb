internal import Perdure

extension Tables {
    /// nil if the row is of another revision.
    mutating func put(_ row: PauseRow, over revision: Int64) -> PauseRow? {
        let before = pauses[row.subject]
        guard before?.revision ?? 0 == revision else { return nil }
        var stored = row
        stored.number = before?.number ?? Int64(pauses.count + 1)
        stored.revision = revision + 1
        pauses[row.subject] = stored
        return stored
    }

    private func isHeld(_ workflow: WorkflowNumber, by number: Int64) -> Bool {
        pending[workflow]?.values.contains { $0.heldBy == number } ?? false
    }

    mutating func holders() -> [Int64] {
        for number in held.keys {
            held[number] = held[number]?.filter { isHeld($0, by: number) }
            if held[number]?.isEmpty == true { held[number] = nil }
        }
        return held.keys.sorted()
    }

    mutating func wakeHeld(by number: Int64, after workflow: WorkflowNumber, limit: Int, most: Int) -> WakeReport {
        let found = (held[number] ?? []).filter { $0 > workflow && isHeld($0, by: number) }.sorted().prefix(limit)
        var woken = 0
        for workflow in found where woken < most {
            guard let row = live[workflow], row.state == .waiting else { continue }
            woken += 1
            makeReady(workflow, returned: row.wasReturned)
            live[workflow]?.due = nil
            for (key, record) in pending[workflow] ?? [:] where record.heldBy == number { pending[workflow]?[key]?.heldBy = nil }
        }
        return WakeReport(woken: woken, next: found.count < limit ? nil : found.last)
    }
}
