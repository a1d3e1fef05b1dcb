internal import Perdure

extension Tables {
    mutating func pause(_ asked: WorkflowNumber, _ instruction: Instruction) -> PauseResult {
        let number = newestRun(of: asked)
        guard let row = live[number] else { return .ended }
        if row.state == .paused || !pauses(of: number).isEmpty { return .already }
        if row.state == .setAside { return .setAside }
        let intervention = insertIntervention(number, .pause, instruction, isApplied: row.state != .owned)
        if row.state == .owned {
            deliver(.pause(number, intervention))
            return .accepted
        }
        makePaused(number)
        return .paused
    }

    /// The rows of its inbox that ask its owner for it.
    private func pauses(of number: WorkflowNumber) -> [Int64] {
        (inbox[number].map { Array($0.all) } ?? []).filter(\.isPause).map(\.sequence)
    }

    /// Nothing of it runs any more at its owner's; or it was resumed before that.
    mutating func pauseOwned(_ number: WorkflowNumber, now: Microseconds) {
        let pauses = pauses(of: number)
        if pauses.isEmpty { return giveBack(number, now: now) }
        for sequence in pauses { settle(sequence, of: number) }
        if live[number]?.endsUnrun != true { live[number]?.wasReturned = true }
        live[number]?.due = nil
        makePaused(number)
    }

    private mutating func makePaused(_ number: WorkflowNumber) {
        guard var row = live[number] else { return }
        leave(number, row)
        row.state = .paused
        (row.executor, row.probation, row.endsUnrun) = (nil, nil, false)
        live[number] = row
    }

    /// Also of a pause that its owner has not carried out.
    mutating func resumePaused(_ number: WorkflowNumber) -> Bool {
        guard let row = live[number], row.state == .paused else {
            let pauses = pauses(of: number)
            for sequence in pauses { consume(sequence, of: number) }
            return !pauses.isEmpty
        }
        live[number]?.crashes = 0
        if row.wasReturned { live[number]?.due = nil }
        makeReady(number, returned: row.wasReturned)
        watchExpiry(of: number)
        return true
    }

    mutating func resume(_ number: WorkflowNumber, _ instruction: Instruction) -> Bool {
        guard resume(number) else { return false }
        _ = insertIntervention(newestRun(of: number), .resume, instruction, isApplied: true)
        return true
    }

    func isResumable(_ asked: WorkflowNumber) -> Bool {
        let number = newestRun(of: asked)
        guard let state = live[number]?.state else { return false }
        return state == .setAside || state == .paused || !pauses(of: number).isEmpty
    }

    /// Who has paused it, and why.
    func lastPause(of number: WorkflowNumber) -> Instruction? { interventions[number]?.last { $0.kind == .pause }?.instruction }
}
