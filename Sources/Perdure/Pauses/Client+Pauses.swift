public import FoundationEssentials

// Types of workflows and names of steps that are to stand still for a while, in all engines.

extension Client {
    /// Pauses a type of workflow, in all engines: none of it begins, and none that has begun goes on.
    ///
    /// New ones are accepted and wait. One that runs begins no further step: what runs of it ends and is recorded, then it is handed back. Timers that
    /// come due and what arrives wait. A workflow that is cancelled goes on until it has ended, and one that is terminated ends at once. Timeouts
    /// go on. An engine obeys as soon as it hears of it, some milliseconds later as a rule, and with its next poll at the latest, which is every five
    /// seconds; until then it may still begin what it has claimed. Engines that start later obey from the first moment.
    ///
    /// The type need not be known to anybody. If it is paused already, what is said now replaces what was said then.
    ///
    /// - Parameters:
    ///   - type: The name of the type.
    ///   - by: Who does it; recorded.
    ///   - reason: Why; recorded.
    ///   - until: When it resumes by itself; nil: when somebody calls ``resume(type:by:)-(String,_)``.
    /// - Throws: ``WorkflowError/Code/invalidName`` for a name that no type can have, ``WorkflowError/Code/invalidState`` if `until` has passed.
    public func pause(type: String, by: String, reason: String? = nil, until: Date? = nil) async throws {
        try Names.check(type, "the name of a workflow")
        try await core.pause(PauseSubject(.workflowType, type), by, reason, until)
    }

    /// Pauses a type of workflow; see ``pause(type:by:reason:until:)-(String,_,_,_)``.
    public func pause<W: Workflow>(type: W.Type, by: String, reason: String? = nil, until: Date? = nil) async throws {
        try await pause(type: W.name, by: by, reason: reason, until: until)
    }

    /// Resumes a type of workflow: all of it goes on where it stood.
    ///
    /// - Returns: False if it was not paused.
    @discardableResult
    public func resume(type: String, by: String) async throws -> Bool {
        try Names.check(type, "the name of a workflow")
        return try await core.resume(PauseSubject(.workflowType, type), by)
    }

    /// Resumes a type of workflow; see ``resume(type:by:)-(String,_)``.
    @discardableResult
    public func resume<W: Workflow>(type: W.Type, by: String) async throws -> Bool { try await resume(type: W.name, by: by) }

    /// Pauses the steps of a name, in all engines: no attempt of one begins.
    ///
    /// An attempt that runs ends as it would; other steps, and other branches of the same workflow, go on. What is held back waits, and that costs it
    /// no attempt; its time for all attempts goes on. A workflow that waits so may leave memory like any other, and says so in its
    /// status: ``WorkflowStatus/waitsFor``. What undoes a step (`onFailure`) and a `transaction` are steps of their names, too. How soon engines
    /// obey is as for a type.
    ///
    /// - Parameters:
    ///   - step: The name of the steps, without the `#2` and `[id]` of their keys.
    ///   - workflow: The name of the one type in which it holds; nil: in all.
    ///   - by: Who does it; recorded.
    ///   - reason: Why; recorded.
    ///   - until: When it resumes by itself; nil: when somebody calls ``resume(step:in:by:)``.
    /// - Throws: As ``pause(type:by:reason:until:)-(String,_,_,_)``.
    public func pause(step: String, in workflow: String? = nil, by: String, reason: String? = nil, until: Date? = nil) async throws {
        try await core.pause(try core.subject(step, workflow), by, reason, until)
    }

    /// Resumes the steps of a name; those that wait begin at once.
    ///
    /// - Parameters:
    ///   - step: Their name.
    ///   - workflow: As it was paused: a pause in all types and one in a single type are two, and both must be resumed.
    ///   - by: Who resumes them; recorded.
    /// - Returns: False if there was no such pause.
    @discardableResult
    public func resume(step: String, in workflow: String? = nil, by: String) async throws -> Bool {
        try await core.resume(try core.subject(step, workflow), by)
    }

    /// Closes a circuit breaker by hand, whatever its state: attempts begin at once, and are counted anew.
    ///
    /// - Returns: False if it was not open.
    @discardableResult
    public func resume(circuitBreaker key: String, by: String) async throws -> Bool {
        try Names.check(key, "the key of a circuit breaker")
        return try await core.resume(PauseSubject(.breaker, key), by)
    }

    /// All that is paused now, and the circuit breakers that are not closed; the oldest first.
    public func pauses() async throws -> [Pause] {
        let now = core.environment.clock.now()
        let rows = try await core.activePauses(at: now)
        return rows.sorted { ($0.since, $0.number) < ($1.since, $1.number) }.map { Pause($0, now: now) }
    }
}

extension ClientCore {
    func subject(_ step: String, _ workflow: String?) throws -> PauseSubject {
        try Names.check(step, "the name of a step")
        if let workflow { try Names.check(workflow, "the name of a workflow") }
        return PauseSubject(.step, step, in: workflow ?? "")
    }

    func pause(_ subject: PauseSubject, _ by: String, _ reason: String?, _ until: Date?) async throws {
        let instruction = try instruction(by, reason)
        let end = until.map { $0.microseconds ?? ($0.timeIntervalSince1970 < 0 ? .min : .max) }
        if let end, end <= instruction.at {
            throw WorkflowError(.invalidState, "a pause until \(until.map { "\($0)" } ?? "") would be over: give a moment to come, or none")
        }
        try await change(subject) { row in
            let isActive = row?.isActive(at: instruction.at) ?? false
            return PauseRow(
                subject: subject, by: by, reason: reason, since: isActive ? row?.since ?? instruction.at : instruction.at, until: end)
        }
    }

    func resume(_ subject: PauseSubject, _ by: String) async throws -> Bool {
        let instruction = try instruction(by, nil)
        return try await change(subject) { row in
            guard var row, row.isActive(at: instruction.at) else { return nil }
            (row.ended, row.endedBy) = (instruction.at, by)
            row.breaker?.close()
            return row
        }
    }

    /// False if `change` finds nothing to change.
    @discardableResult
    private func change(_ subject: PauseSubject, _ change: (PauseRow?) -> PauseRow?) async throws -> Bool {
        while true {
            let row = try await patiently { () throws(StoreError) in try await store.pause(of: subject) }
            guard var changed = change(row) else { return false }
            (changed.number, changed.revision) = (row?.number ?? 0, row?.revision ?? 0)
            let stored = try await patiently { [changed] () throws(StoreError) in
                try await store.put(changed, over: changed.revision)
            }
            guard let stored else { continue }
            // An engine of this process need not ask what it is told.
            incarnation.withLock { $0 }?.heed(stored)
            await wake(.settings, nil)
            return true
        }
    }

    func activePauses(at now: Microseconds) async throws(StoreError) -> [PauseRow] {
        try await store.pauses(all: false).filter { $0.isActive(at: now) }
    }

    /// What holds a workflow back that has not ended, or a step of it.
    func pauses(of status: StatusRecord, at now: Microseconds) async throws -> [PauseRow] {
        let held = Set(status.pending.compactMap(\.heldBy))
        return try await activePauses(at: now).filter { row in
            row.subject.kind == .workflowType ? row.subject.name == status.record.lane.workflow : held.contains(row.number)
        }
    }
}
