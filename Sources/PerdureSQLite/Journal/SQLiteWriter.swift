internal import Perdure

/// Commits the batches of one executor on the one connection that writes.
final class SQLiteWriter: JournalWriter {
    private let store: SQLiteStore
    private let owner: ExecutorID

    init(_ store: SQLiteStore, for owner: ExecutorID) {
        self.store = store
        self.owner = owner
    }

    var executor: any TaskExecutor { store.writer.thread }

    func commit(_ batch: [Command]) async throws(StoreError) -> [CommandResult] {
        let owner = owner
        // A commit is as good as a heartbeat, and beside busy writers a heartbeat of its own would wait.
        let renewal = store.leases.renewal(of: owner, now: store.options.clock())
        let results = try await store.writer.write { connection throws(StoreError) in
            try connection.fence(owner)
            if let renewal { try connection.renew(owner, renewal) }
            var results: [CommandResult] = []
            results.reserveCapacity(batch.count)
            for command in batch { results.append(try connection.apply(command, by: owner)) }
            return results
        }
        if let renewal { store.leases.renewed(owner, renewal) }
        return results
    }

    /// The connection is the store's.
    func close() async {}
}

extension Connection {
    fileprivate func apply(_ command: Command, by executor: ExecutorID) throws(StoreError) -> CommandResult {
        switch command {
        case .step(let step, let hadPending, let consumes):
            return try record(step, hadPending: hadPending, consumes: consumes.map { [$0] } ?? [], by: executor)
        case .start(let record):
            try start(record, owner: executor)
        case .startChild(let child, let owned, let step):
            if try insert(step) {
                try progressed(step.workflow, by: executor)
            } else if let recorded = try self.step(step.workflow, step.key) {
                // The row and the child came together, or another row has won and there is no child.
                return .recorded(recorded)
            }
            try start(child, owner: owned ? executor : nil)
        case .startChildren(let children, let owned, let step):
            if try insert(step) {
                try progressed(step.workflow, by: executor)
            } else if let recorded = try self.step(step.workflow, step.key) {
                return .recorded(recorded)
            }
            for child in children { try start(child, owner: owned ? executor : nil) }
        case .childrenEnded(let step, let sequences):
            return try record(step, hadPending: false, consumes: sequences, by: executor)
        case .overlook(let number, let groups):
            try overlook(number, except: groups)
        case .effect(let step, let effect):
            return try apply(step, effect, by: executor)
        case .append(let record, let run):
            if try isOwned(run ?? record.workflow, by: executor) { try append(record) }
        case .refuse(let reply, let sequence, let run):
            try keep(reply)
            try consume(sequence, of: run ?? reply.workflow)
        case .consume(let number, let sequence):
            try consume(sequence, of: number)
        case .settle(let number, let sequence):
            try settle(sequence, of: number)
        case .pending(let pending):
            try report(pending, by: executor)
        case .finish(let outcome, let parent, let inbox, let place):
            try finish(outcome, parent: parent, inbox: inbox, place: place, by: executor)
        case .continueAsNew(let continuation):
            try goOn(continuation, by: executor)
        case .suspend(let number, let due, let seen):
            try suspend(number, due: due, seen: seen, by: executor)
        case .release(let number):
            try release(number, by: executor)
        case .pause(let number):
            try pauseOwned(number, by: executor)
        case .forgive(let number):
            try forgive(number, by: executor)
        case .setAside(let number, let reason, let at):
            try setAside(number, reason: reason, at: at, by: executor)
        case .deliver(let item):
            try deliver(item, once: true)
        }
        return .done
    }
}
