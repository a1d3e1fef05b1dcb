// Completions on their way into the database, and back.

extension Run {
    /// What became of the work behind a call.
    enum WorkResult {
        case success(EncodedPayload?)
        case failure(EncodedPayload)
    }

    /// Hands the completion of a call to the journal; the call returns when it is durable and its turn has come.
    ///
    /// False if there is nothing to complete any more.
    @discardableResult
    func record(
        _ key: String, _ kind: StepKind, _ result: WorkResult, started: Microseconds, attempts: Int32 = 1, hadPending: Bool = false,
        reserved: Int64? = nil, consumes: Int64? = nil, endsBody: Bool = false
    ) -> Bool {
        let time = host.clock.now()
        return state.withLock { state in
            if endsBody { state.bodies -= 1 }
            let record = state.complete(key, reserved: reserved, at: time) { order, finished in
                var record = StepRecord(
                    workflow: number, key: key, order: order, kind: kind, started: started, finished: finished, attempts: attempts)
                switch result {
                case .success(let output): record.output = output
                case .failure(let error): record.error = error
                }
                return record
            }
            // Under the lock, so that the order in the journal is the order of the numbers.
            guard let record, let order = record.order else { return false }
            host.journal.append(.step(record, hadPending: hadPending, consumes: consumes), for: self, token: order)
            return true
        }
    }

    /// A child's start: its row and the child itself are one command.
    func recordChildStart(_ key: String, _ child: WorkflowRecord, _ reference: ChildReference, owned: Bool, started: Microseconds) {
        let output = try? reference.encoded()
        let time = host.clock.now()
        let isAppended = state.withLock { state in
            let record = state.complete(key, at: time) { order, finished in
                StepRecord(
                    workflow: number, key: key, order: order, kind: .childStart, output: output, started: started, finished: finished)
            }
            guard let record, let order = record.order else { return false }
            state.startingChildren[order] = StartingChild(record: child, isOwned: owned, output: output)
            host.journal.append(.startChild(child, owned: owned, step: record), for: self, token: order)
            return true
        }
        if !isAppended, owned { host.arrived(child, isStarted: false) }
    }

    /// The end of a child, whether the code has asked for it yet or not.
    func recordChildEnded(_ key: String, _ result: WorkResult, started: Microseconds, consumes: Int64) {
        let time = host.clock.now()
        state.withLock { state in
            let record = state.completeChild(key, at: time) { order, finished in
                var record = StepRecord(workflow: number, key: key, order: order, kind: .childResult, started: started, finished: finished)
                switch result {
                case .success(let output): record.output = output
                case .failure(let error): record.error = error
                }
                return record
            }
            if let record, let order = record.order { host.journal.append(.step(record, consumes: consumes), for: self, token: order) }
        }
    }

    /// An external cancel, or the deadline, becomes a completion like any other.
    ///
    /// Only the first: of another, which changes nothing, the row must go all the same, or it would wake the workflow again and again.
    func recordCancel(_ reason: CancelReason, consumes: Int64?) {
        let time = host.clock.now()
        state.withLock { state in
            guard state.stop == nil, !state.isEnded else { return }
            guard state.claimCancel() else {
                guard let consumes else { return }
                state.unresolved += 1
                return host.journal.append(.consume(number, sequence: consumes), for: self, token: Self.noPlace)
            }
            let record = state.numbered(at: time) { order, finished in
                StepRecord(
                    workflow: number, key: "@cancel", order: order, kind: .cancel, output: reason.payload, started: finished,
                    finished: finished)
            }
            host.journal.append(.step(record, consumes: consumes), for: self, token: record.order ?? 0)
        }
    }

    /// A transaction that has committed beside the journal, with the place that was reserved, or with none: then it gets one now.
    ///
    /// It may have none although one was reserved: for a later attempt, which found that an earlier one had been committed after all.
    func transactionCommitted(_ record: StepRecord, reserved: Int64?) {
        let time = host.clock.now()
        let isInPlace = reserved != nil && record.order == reserved
        state.withLock { state in
            if let reserved, isInPlace {
                _ = state.complete(record.key, reserved: reserved, at: record.finished) { _, _ in record }
                state.resolved(reserved, record)
                return
            }
            state.rememberUnordered(record)
            let order = state.complete(record.key, reserved: reserved, at: time) { order, finished in
                StepRecord(placeOf: record, order, at: finished)
            }
            if let order, let place = order.order { host.journal.append(.step(order), for: self, token: place) }
        }
        if isInPlace {
            warnOfLength(reserved ?? 0)
            poke()
        }
    }

    /// An earlier life committed the transaction without a place: it gets one now.
    func giveOrder(to record: StepRecord) { transactionCommitted(record, reserved: nil) }

    /// A failed attempt, or progress: durable, but nothing waits for it.
    func recordPending(_ pending: PendingRecord) {
        let isOpen = state.withLock { state in
            guard state.stop == nil, !state.isEnded else { return false }
            state.unresolved += 1
            return true
        }
        if isOpen { host.journal.append(.pending(pending), for: self, token: Self.noPlace) }
    }

    /// The token of a command that has no place in the order.
    static var noPlace: Int64 { -1 }
}

extension Run: JournalRecipient {
    package func resolved(_ token: Int64, _ result: CommandResult) -> FlowExecutor? {
        if token < 0 { return resolvedWithoutPlace() }
        warnOfLength(token)
        let recorded: StepRecord? = if case .recorded(let record) = result { record } else { nil }
        if let recorded, givesPlace(token, to: recorded) { return nil }
        let (child, block, effect) = state.withLock { state in
            state.resolved(token, recorded)
            return (
                state.startingChildren.isEmpty ? nil : state.startingChildren.removeValue(forKey: token),
                state.startingBlocks.isEmpty ? nil : state.startingBlocks.removeValue(forKey: token),
                state.effects.isEmpty ? nil : state.effects.removeValue(forKey: token)
            )
        }
        if let effect { carriedOut(effect, result) }
        if let child {
            let isStarted = recorded == nil || recorded?.output == child.output
            if child.isOwned { host.arrived(child.record, isStarted: isStarted) } else { host.becameReady() }
        }
        if let block { settled(block, isStarted: recorded == nil || recorded?.output == block.output) }
        return flow.poke() ? flow : nil
    }

    /// What was to be recorded at this place met a transaction that had been committed without one, by an attempt whose answer was lost: now
    /// it has this.
    private func givesPlace(_ order: Int64, to record: StepRecord) -> Bool {
        guard record.kind == .transaction, record.order == nil else { return false }
        return state.withLock { state in
            guard let row = state.place(record, at: order) else { return false }
            host.journal.append(.step(row), for: self, token: order)
            return true
        }
    }

    private func resolvedWithoutPlace() -> FlowExecutor? {
        state.withLock { $0.unresolved -= 1 }
        // Perhaps this was all that kept the workflow in memory.
        return flow.poke() ? flow : nil
    }

    package func failed(_ token: Int64, _ command: Command, _ error: StoreError) -> FlowExecutor? {
        if token < 0 { return resolvedWithoutPlace() }
        if error.code != .fenced { refused(token, command, error) }
        return nil
    }

    /// The database refuses the row: the refusal is what is recorded, so that the workflow can deal with it.
    ///
    /// What the row would have deleted, the other one deletes.
    private func refused(_ order: Int64, _ command: Command, _ error: StoreError) {
        let (child, block) = state.withLock { state in
            (state.startingChildren.removeValue(forKey: order), state.startingBlocks.removeValue(forKey: order))
        }
        if let block { settled(block, isStarted: false) }
        if let child, child.isOwned { host.arrived(child.record, isStarted: false) }
        let payload = workflow.errors.record(WorkflowError(.rejected, "the database refused the result: \(error)"), with: coder)
        let isRecorded = state.withLock { state in
            guard let record = state.refused(order, payload) else { return false }
            state.replace(order, record)
            if case .effect(_, .reply(var reply, let sequence)) = command {
                // Somebody waits for it.
                (reply.output, reply.error) = (nil, payload)
                host.journal.append(.effect(record, .reply(reply, sequence: sequence)), for: self, token: order)
                return true
            }
            var (hadPending, consumes): (Bool, Int64?) = (false, nil)
            if case .step(_, let pending, let sequence) = command { (hadPending, consumes) = (pending, sequence) }
            state.effects[order] = nil
            host.journal.append(.step(record, hadPending: hadPending, consumes: consumes), for: self, token: order)
            return true
        }
        if !isRecorded { setAside(WorkflowError(.rejected, "the database refused a row of the history: \(error)")) }
    }
}
