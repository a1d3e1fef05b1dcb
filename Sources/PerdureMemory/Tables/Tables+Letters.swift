internal import Perdure

/// A workflow of a queue that came to no good end.
struct DeadLetter: Sendable {
    var place: QueuePlace
    var since: Microseconds
    /// The run that was started instead.
    var redriven: WorkflowNumber?
    /// By which it kept others out, until somebody else took it.
    var uniqueKey: DeduplicationKey?
}

extension Tables {
    mutating func bury(_ number: WorkflowNumber, _ place: QueuePlace, at moment: Microseconds) {
        if letters[number] == nil { letters[number] = DeadLetter(place: place, since: moment) }
    }

    func deadLetters(of queue: String?, after number: WorkflowNumber, limit: Int) -> [DeadLetterRecord] {
        let found = letters.filter { $0.key > number && $0.value.redriven == nil && (queue == nil || $0.value.place.queue == queue) }
        return found.keys.sorted().prefix(max(0, limit)).compactMap { number in
            guard let outcome = outcomes[number], let record = workflows[number] else { return nil }
            return DeadLetterRecord(
                number: number, id: record.id, lane: record.lane, status: outcome.status, error: outcome.error, finished: outcome.finished)
        }
    }

    /// Each at most once; one that this very call has started before is as good as started by it.
    mutating func redrive(
        _ wanted: [WorkflowNumber: WorkflowNumber], now: Microseconds
    ) throws(StoreError) -> [WorkflowNumber] {
        let found = wanted.sorted { $0.key < $1.key }.filter { letters[$0.key] != nil && workflows[$0.key] != nil }
        for (old, new) in found where letters[old]?.redriven == nil && workflows[new] != nil { throw Self.numberTaken(new) }
        return found.compactMap { old, new in
            if let redriven = letters[old]?.redriven { return redriven == new ? old : nil }
            guard let record = workflows[old] else { return nil }
            var again = record.redriven(as: new, at: now)
            again.id = record.id.flatMap { ids[ExactText($0)] == old ? $0 : nil }
            guard retakeKey(of: old, for: again) else { return nil }
            letters[old]?.redriven = new
            insert(again, owner: nil, now: now)
            return old
        }
    }
}
