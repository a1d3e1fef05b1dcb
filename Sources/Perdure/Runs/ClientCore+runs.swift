// New runs under the ids of earlier ones.

/// Which new run is asked for.
enum RunChange: Sendable {
    case restart
    case forkStep(String)
    case forkPlace(Int)
    case rewind

    var kind: RunKind {
        switch self {
        case .restart: .restarted
        case .forkStep, .forkPlace: .forked
        case .rewind: .rewound
        }
    }
}

extension ClientCore {
    /// The number of the new run, which is durable then; in a transaction, when that commits.
    ///
    /// With a number that was chosen before it is done once, however often it is asked for.
    func succeed(
        _ number: WorkflowNumber, _ change: RunChange, input: EncodedPayload? = nil, as chosen: WorkflowNumber? = nil,
        _ options: NewRunOptions, in transaction: Transaction?
    ) async throws -> WorkflowNumber {
        if let version = options.version, !version.isEmpty { try Names.check(version, "the version of a workflow") }
        for text in [options.by, options.reason].compactMap(\.self) where text.utf8.contains(0) {
            throw WorkflowError(.invalidName, "`by` or `reason` has a NUL character, which a database's text cannot hold")
        }
        let earlier = try await ended(number, change, options, in: transaction)
        if transaction == nil { try await awaitChildren(of: earlier, change) }
        let new: WorkflowNumber
        if let chosen { new = chosen } else { new = try await self.number(in: transaction) }
        let succession = try await succession(of: earlier, change, as: new, input: input, options)
        switch try await succeedOnce(succession, in: transaction) {
        case .started: break
        case .unknown:
            throw WorkflowError(.notFound, "no workflow has the number \(number): it is past its retention, or was never started")
        case .open: throw Self.stillRunning(earlier.record)
        case .superseded(let other): throw Self.superseded(earlier.record, by: other)
        }
        await wake(.ready, transaction)
        return new
    }

    /// What is known of a run that has ended, or does now.
    private func ended(
        _ number: WorkflowNumber, _ change: RunChange, _ options: NewRunOptions, in transaction: Transaction?
    ) async throws -> StatusRecord {
        let access = try access(transaction)
        guard let status = try await access.status(of: number) else {
            throw WorkflowError(.notFound, "no workflow has the number \(number): it is past its retention, or was never started")
        }
        if status.outcome != nil { return status }
        guard options.terminatesFirst else { throw Self.stillRunning(status.record) }
        guard transaction == nil else {
            throw WorkflowError(
                .stillRunning, "`terminatesFirst` waits for the end of the other run, which a transaction cannot: do it outside")
        }
        try await check(status, change)
        try await terminate(number)
        return try await store.status(of: number) ?? status
    }

    /// What would be refused once the run has ended is refused before it is terminated, as far as that can be known.
    private func check(_ open: StatusRecord, _ change: RunChange) async throws {
        let number = open.record.number
        let newest = try await store.number(ofID: open.record.id ?? Names.publicID(number))
        if let newest, newest != number { throw Self.superseded(open.record, by: newest) }
        if case .restart = change { return }
        let cut = try await cut(open, change)
        // Those that are terminated with it are no hindrance.
        try refuse(cut, for: try await openChildren(of: cut).filter { $0.closePolicy != .terminate })
    }

    /// Children that are terminated with their parent end a moment after it: that is waited for, but not for ever.
    private func awaitChildren(of earlier: StatusRecord, _ change: RunChange) async throws {
        if case .restart = change { return }
        let number = earlier.record.number
        guard try await store.openChildren(of: number).contains(where: { $0.closePolicy == .terminate }) else { return }
        let children = Set(try await cut(earlier, change).children)
        let end = environment.clock.instant() + .seconds(30)
        var pause = Duration.milliseconds(5)
        while environment.clock.instant() < end {
            let open = try await store.openChildren(of: number)
            if !open.contains(where: { $0.closePolicy == .terminate && children.contains($0.first) }) { return }
            await environment.clock.wait(pause)
            try Task.checkCancellation()
            pause = min(pause * 2, .milliseconds(500))
        }
    }

    private static func superseded(_ record: WorkflowRecord, by other: WorkflowNumber) -> WorkflowError {
        let own = Names.publicID(record.number)
        return WorkflowError(
            .superseded,
            "the id '\(record.id ?? own)' stands for run \(Names.publicID(other)) by now, and not for \(own): look at that one first")
    }

    private static func stillRunning(_ record: WorkflowRecord) -> WorkflowError {
        WorkflowError(
            .stillRunning,
            "workflow '\(record.id ?? Names.publicID(record.number))' is still running: cancel or terminate it first, or say `terminatesFirst`"
        )
    }

    private func succession(
        of earlier: StatusRecord, _ change: RunChange, as new: WorkflowNumber, input: EncodedPayload?, _ options: NewRunOptions
    ) async throws -> Succession {
        let now = environment.clock.now()
        var succession = Succession(
            record: earlier.record.again(as: new, at: now),
            link: RunLink(
                number: new, previous: earlier.record.number, kind: change.kind, by: options.by, reason: options.reason, at: now))
        if let input { succession.record.input = input }
        if let version = options.version { succession.record.lane.version = version }
        if case .restart = change { return succession }
        let cut = try await cut(earlier, change)
        succession.link.step = cut.step
        succession.inherited.before = cut.kept.isEmpty ? 0 : cut.before
        succession.inherited.unordered = cut.unordered
        try await inherit(cut, change, &succession)
        guard succession.inherited.hasHistory || change.kind == .rewound else { return succession }
        succession.link.origin =
            RunOrigin(after: cut.history, copying: cut, at: now, keepsEffects: change.kind == .rewound).text
        return succession
    }

    private func cut(_ earlier: StatusRecord, _ change: RunChange) async throws -> HistoryCut {
        let number = earlier.record.number
        guard let history = try await store.recorded(number) else {
            throw WorkflowError(.notFound, "no workflow has the number \(number): it is past its retention")
        }
        switch change {
        case .restart: return HistoryCut(nothingOf: history)
        case .forkStep(let key): return try HistoryCut(history, beforeStep: key)
        case .forkPlace(let place): return try HistoryCut(history, beforePlace: place)
        case .rewind:
            if earlier.outcome?.status == .completed {
                throw WorkflowError(
                    .notFailed,
                    "workflow '\(earlier.record.id ?? Names.publicID(number))' has completed, so there is no failure to go back behind: restart or fork it"
                )
            }
            var cut = HistoryCut(rewinding: history)
            cut.exclude(Set(try await endings(of: cut.children).filter { $0.status != .completed }.map(\.workflow)))
            return cut
        }
    }

    /// Children, messages, events and streams of the rows that are taken over.
    private func inherit(_ cut: HistoryCut, _ change: RunChange, _ succession: inout Succession) async throws {
        let (old, new) = (cut.history.record.number, succession.record.number)
        try refuse(cut, for: try await openChildren(of: cut))
        succession.inherited.inbox = cut.children.map { InboxItem(workflow: new, kind: .childEnded, reference: $0) }
        if change.kind == .rewound {
            succession.inherited.inbox += cut.messages(for: new)
            succession.inherited.keepsMail = true
        }
        guard succession.inherited.hasHistory || RunOrigin(cut.history.origin)?.chain != nil else { return }
        succession.inherited.events = cut.events(try await store.events(of: old), of: new)
        for (name, end) in try await store.streamEnds(of: old).sorted(by: { $0.key < $1.key }) {
            let values = try await store.stream(name, of: old, from: 0, limit: Int(clamping: end.next))
            succession.inherited.streams += cut.stream(values, of: new)
        }
    }

    /// Of those whose start is taken over and whose end is not.
    private func openChildren(of cut: HistoryCut) async throws -> [OpenChild] {
        let children = Set(cut.children)
        if children.isEmpty { return [] }
        return try await store.openChildren(of: cut.history.record.number).filter { children.contains($0.first) }
    }

    private func refuse(_ cut: HistoryCut, for open: [OpenChild]) throws {
        if let child = open.first {
            throw WorkflowError(
                .stillRunning,
                "a child that the history holds, \(Names.publicID(child.first)), is still running, and its end would be told to the earlier run: wait for it, cancel it, or fork before its start"
            )
        }
        if let (start, unread) = cut.unreadGroup {
            throw WorkflowError(
                .stillRunning,
                "the history holds children that were started together, from '\(start)' on, and \(unread) of their ends were not read yet or come later: fork before that start"
            )
        }
    }

    private func endings(of children: [WorkflowNumber]) async throws -> [Outcome] {
        if children.isEmpty { return [] }
        return try await store.finalEndings(of: children).compactMap { if case .outcome(let outcome) = $0 { outcome } else { nil } }
    }

    /// It is idempotent by the new number, so a connection that is lost in it is no reason to fail.
    private func succeedOnce(_ succession: Succession, in transaction: Transaction?) async throws -> SuccessionResult {
        if transaction != nil { return try await access(transaction).succeed(succession) }
        var attempts = 0
        while true {
            do throws(StoreError) {
                return try await store.succeed(succession)
            } catch {
                attempts += 1
                guard error.code == .transient || error.code == .unavailable, attempts < 8 else { throw error }
                await environment.clock.wait(.milliseconds(5 << attempts))
            }
        }
    }

    /// The runs that came of each other, the oldest first; of very many only the newest.
    func runs(endingWith number: WorkflowNumber, limit: Int, in transaction: Transaction?) async throws -> [WorkflowRun] {
        let access = try access(transaction)
        var runs: [WorkflowRun] = []
        var next: WorkflowNumber? = number
        while let number = next, runs.count < limit, let status = try await access.status(of: number) {
            runs.append(WorkflowRun(WorkflowStatus(status, now: environment.clock.now())))
            next = status.link?.previous
        }
        return runs.reversed()
    }
}

extension WorkflowRecord {
    /// The same, asked for anew: at once, with as much time as it had.
    ///
    /// Without its parent, which has been told how the earlier run ended.
    fileprivate func again(as new: WorkflowNumber, at now: Microseconds) -> WorkflowRecord {
        let began = due ?? created
        return WorkflowRecord(
            number: new, id: id ?? Names.publicID(number), lane: lane, input: input, attributes: attributes, created: now,
            deadline: deadline.map { now + max(0, $0 - began) }, expires: expires.map { now + max(0, $0 - created) })
    }
}
