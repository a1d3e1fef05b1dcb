/// The start of one block of children.
struct ChildrenStart: Sendable {
    let run: Run
    let key: String
    let name: String
    let inputs: [EncodedPayload]
    /// The place of the first in its group.
    let index: Int
    let onClose: ParentClosePolicy
    let place: QueuedChild?
    let attributes: EncodedPayload?

    func start() {
        if let first = run.host.blockAtHand(inputs.count) { return record(first) }
        run.state.withLock { $0.bodies += 1 }
        _ = Task(executorPreference: run.host.stepExecutor) {
            await startWithNewNumbers()
            run.state.withLock { $0.bodies -= 1 }
        }
    }

    private func startWithNewNumbers() async {
        var wait = Duration.milliseconds(5)
        while run.state.withLock({ $0.stop == nil }) {
            do throws(StoreError) {
                return record(try await run.host.nextBlock(inputs.count))
            } catch {
                if error.code == .fenced { return run.host.fenced(error) }
                guard error.code == .transient || error.code == .unavailable || error.code == .full else { return fail(error) }
                await run.host.clock.wait(wait)
                wait = min(wait * 2, .seconds(1))
            }
        }
    }

    private func record(_ first: WorkflowNumber) {
        let records = inputs.enumerated().map { offset, input in
            run.childRecord(
                first + WorkflowNumber(offset), id: nil, name: name, input: input, startedAs: key, onClose: onClose, place: place,
                attributes: attributes)
        }
        let block = ChildBlock(first: first, count: inputs.count, index: index, onClose: onClose.stored.rawValue)
        run.recordChildrenStart(key, records, block, owned: run.host.admit(records), started: run.host.clock.now())
    }

    private func fail(_ error: any Error) {
        run.record(key, .childrenStart, .failure(run.workflow.errors.record(error, with: run.coder)), started: run.host.clock.now())
    }
}

extension Run {
    /// What is asked of a child.
    func childRecord(
        _ number: WorkflowNumber, id: String?, name: String, input: EncodedPayload, startedAs key: String, onClose: ParentClosePolicy,
        place: QueuedChild?, attributes: EncodedPayload?
    ) -> WorkflowRecord {
        let now = host.clock.now()
        let lane = Lane(
            queue: place?.queue.name ?? "", key: place?.options.key ?? "", priority: Int16(place?.options.priority ?? 0), workflow: name,
            version: record.lane.version)
        return WorkflowRecord(
            number: number, id: id, lane: lane, input: input,
            parent: ParentLink(number: self.number, key: key, closePolicy: onClose.stored), attributes: attributes,
            created: now,
            // One that outlives its parent outlives the parent's timeout.
            deadline: onClose == .abandon ? nil : record.deadline, expires: place?.queue.expiry.map { now.adding($0) })
    }
}
