// What is asked of workflows: at once, or in a transaction of the user's, where it sees what that has started and happens when it commits.

extension ClientCore {
    /// The newest run under a user's id, or the run of an id of ours.
    func number(ofID id: String, in transaction: Transaction? = nil) async throws -> WorkflowNumber {
        try Names.check(id, "the id of a workflow")
        let access = try access(transaction)
        if let number = try await access.number(ofID: id) { return number }
        if let number = Names.number(fromPublicID: id), try await access.status(of: number) != nil { return number }
        throw WorkflowError(.notFound, "no workflow has the id '\(id)'")
    }

    func status(of number: WorkflowNumber, in transaction: Transaction? = nil) async throws -> WorkflowStatus {
        guard var status = try await access(transaction).status(of: number) else {
            throw WorkflowError(.notFound, "no workflow has the number \(number): it is past its retention, or was never started")
        }
        let now = environment.clock.now()
        if status.outcome == nil { status.pauses = try await pauses(of: status, at: now) }
        return WorkflowStatus(status, now: now)
    }

    func deliver(_ item: InboxItem, in transaction: Transaction? = nil) async throws {
        try await access(transaction).deliver([item])
        await wake(.inbox, transaction)
    }

    func resume(_ number: WorkflowNumber, in transaction: Transaction? = nil) async throws -> Bool {
        guard try await access(transaction).resume(number) else { return false }
        await wake(.ready, transaction)
        return true
    }

    func access(_ transaction: Transaction?) throws -> any WorkflowAccess {
        guard let transaction else { return store }
        try transaction.checkOpen()
        return transaction.backend
    }

    func wake(_ wakeup: Wakeup, _ transaction: Transaction?) async {
        if let transaction { return transaction.touch(wakeup) }
        incarnation.withLock { $0 }?.hint(wakeup)
        await store.notify([wakeup])
    }
}
