// Between what is stored and what is exported.

extension ExportedHistory {
    init(_ history: RecordedHistory) {
        format = Self.format
        workflow = Workflow(history.record)
        workflow.origin = RunOrigin(history.origin)
        steps = history.steps.map(Step.init)
        pending = history.pending.isEmpty ? nil : history.pending.map(Pending.init)
        inbox = history.inbox.isEmpty ? nil : history.inbox.map(Item.init)
        outcome = history.outcome.map(End.init)
        aside = history.aside
    }

    func recorded() throws -> RecordedHistory {
        guard format <= Self.format else {
            throw HistoryFormatError("the history is of format \(format), and this library reads up to \(Self.format): use a newer one")
        }
        let record = try workflow.record()
        let number = record.number
        return RecordedHistory(
            record: record, steps: try steps.map { try $0.record(number) }, pending: try (pending ?? []).map { try $0.record(number) },
            // What this library does not know is not for a replay anyway.
            inbox: try (inbox ?? []).compactMap { try $0.item(number) }, outcome: try outcome?.outcome(number),
            aside: aside, origin: workflow.origin?.text)
    }

    fileprivate static func number(_ run: String) throws -> WorkflowNumber {
        guard let number = Names.number(fromPublicID: run) else { throw HistoryFormatError("'\(run)' is not the id of a run") }
        return number
    }
}

extension ExportedHistory.Workflow {
    fileprivate init(_ record: WorkflowRecord) {
        let lane = record.lane
        run = Names.publicID(record.number)
        id = record.id
        name = lane.workflow
        version = lane.version.isEmpty ? nil : lane.version
        queue = lane.queue.isEmpty ? nil : lane.queue
        key = lane.key.isEmpty ? nil : lane.key
        priority = lane.priority == 0 ? nil : lane.priority
        input = ExportedPayload(record.input)
        parent = record.parent.map {
            ExportedHistory.Parent(run: Names.publicID($0.number), key: $0.key, onClose: "\($0.closePolicy)")
        }
        attributes = ExportedPayload(record.attributes)
        created = record.created
        due = record.due
        deadline = record.deadline
        expires = record.expires
    }

    fileprivate func record() throws -> WorkflowRecord {
        WorkflowRecord(
            number: try ExportedHistory.number(run), id: id,
            lane: Lane(queue: queue ?? "", key: key ?? "", priority: priority ?? 0, workflow: name, version: version ?? ""),
            input: try input.payload(), parent: try parent?.link(), attributes: try attributes?.payload(), created: created, due: due,
            deadline: deadline, expires: expires)
    }
}

extension ExportedHistory.Parent {
    fileprivate func link() throws -> ParentLink {
        let policies: [StoredClosePolicy] = [.terminate, .cancel, .abandon]
        return ParentLink(
            number: try ExportedHistory.number(run), key: key, closePolicy: policies.first { "\($0)" == onClose } ?? .abandon)
    }
}

extension ExportedHistory.Step {
    fileprivate init(_ step: StepRecord) {
        place = step.order
        key = step.key
        kind = step.kind.words
        started = step.started
        finished = step.finished
        attempts = step.attempts == 1 ? nil : step.attempts
        // What gives a place to another row names it in plain text.
        output = ExportedPayload(step.output)
        error = ExportedPayload(step.error)
    }

    fileprivate func record(_ number: WorkflowNumber) throws -> StepRecord {
        guard let kind = StepKind(words: kind) else {
            throw HistoryFormatError("'\(key)' is of the kind '\(kind)', which this library does not know: use a newer one")
        }
        return StepRecord(
            workflow: number, key: key, order: place, kind: kind, output: try output?.payload(), error: try error?.payload(),
            started: started, finished: finished, attempts: attempts ?? 1)
    }
}

extension ExportedHistory.Pending {
    fileprivate init(_ row: PendingRecord) {
        key = row.key
        attempts = row.attempt
        started = row.started
        due = row.due
        error = ExportedPayload(row.error)
        progress = ExportedPayload(row.progress)
        heldBy = row.heldBy
    }

    fileprivate func record(_ number: WorkflowNumber) throws -> PendingRecord {
        PendingRecord(
            workflow: number, key: key, attempt: attempts, started: started, due: due, error: try error?.payload(),
            progress: try progress?.payload(), heldBy: heldBy)
    }
}

extension ExportedHistory.Item {
    fileprivate init(_ item: InboxItem) {
        sequence = item.sequence
        kind = spacedWords("\(item.kind)")
        reference = item.reference.map { Names.publicID($0) }
        payload = ExportedPayload(item.payload)
        topic = item.topic
        messageKey = item.key
    }

    fileprivate func item(_ number: WorkflowNumber) throws -> InboxItem? {
        guard let kind = (1...64).lazy.compactMap({ InboxKind(rawValue: $0) }).first(where: { spacedWords("\($0)") == kind }) else {
            return nil
        }
        return InboxItem(
            sequence: sequence, workflow: number, kind: kind, reference: try reference.map { try ExportedHistory.number($0) },
            payload: try payload?.payload(), topic: topic, key: messageKey)
    }
}

extension ExportedHistory.End {
    fileprivate init(_ outcome: Outcome) {
        state = WorkflowStatus.State(outcome.status).rawValue
        finished = outcome.finished
        output = ExportedPayload(outcome.output)
        error = ExportedPayload(outcome.error)
    }

    fileprivate func outcome(_ number: WorkflowNumber) throws -> Outcome {
        let statuses = (1...64).lazy.compactMap { OutcomeStatus(rawValue: $0) }
        guard let status = statuses.first(where: { WorkflowStatus.State($0).rawValue == state }) else {
            throw HistoryFormatError("the workflow ended as '\(state)', which this library does not know: use a newer one")
        }
        return Outcome(
            workflow: number, status: status, output: try output?.payload(), error: try error?.payload(), finished: finished)
    }
}
