// Queues while they are in use.

extension Client {
    /// All queues that were ever declared, by name.
    public func queues() async throws -> [QueueStatus] {
        var all: [QueueStatus] = []
        for row in try await core.store.queueRows(nil) { all.append(QueueStatus(row, try await core.store.queueCounts(row.name))) }
        return all
    }

    /// A queue as it is now.
    ///
    /// - Throws: ``WorkflowError`` if no engine has ever declared it.
    public func queue(_ name: String) async throws -> QueueStatus {
        guard let row = try await core.store.queueRows([name]).first else { throw Self.unknown(name) }
        return QueueStatus(row, try await core.store.queueCounts(name))
    }

    /// Stores the declaration of a queue that this process does not serve, so that it can be paused or changed before any engine does.
    public func declare(_ queue: Queue) async throws {
        try queue.check()
        _ = try await core.store.declare([QueueRules(queue)])
        await core.wake(.settings, nil)
    }

    /// No more workflows of the queue begin, in any engine, from the moment at which this returns.
    ///
    /// It waits for claims that are on their way; for one that hangs in its midst, because its engine is frozen, three seconds and no longer.
    /// What has begun goes on, also after a crash or a wait. Work is still accepted; it is seen as waiting for a queue that is paused.
    public func pauseQueue(_ name: String, reason: String? = nil) async throws {
        try await change(name, .pause(reason: reason))
    }

    /// Ends a pause.
    public func resumeQueue(_ name: String) async throws { try await change(name, .resume) }

    /// Changes the limits of a queue, for all engines and at once.
    ///
    /// They hold until they are changed again or ``resetQueue(_:)`` is called, also after engines were started anew. A lower limit stops nothing
    /// that runs, and a limit on concurrency where there was none counts what begins from now on. If somebody else changes the queue in the
    /// same moment, `change` is asked again, with what they made of it.
    public func changeQueue(_ name: String, _ change: (inout QueueLimits) -> Void) async throws {
        while true {
            guard let row = try await core.store.queueRows([name]).first else { throw Self.unknown(name) }
            var limits = row.rules.limits
            change(&limits)
            try limits.check(name)
            do {
                return try await self.change(name, .limits(limits, revision: row.revision))
            } catch let error as StoreError where error.code == .conflict {
                try Task.checkCancellation()
            }
        }
    }

    /// Gives a queue the limits that are declared.
    public func resetQueue(_ name: String) async throws { try await change(name, .limits(nil, revision: nil)) }

    private func change(_ name: String, _ change: QueueChange) async throws {
        guard try await core.store.changeQueue(name, change) != nil else { throw Self.unknown(name) }
        await core.wake(.settings, nil)
    }

    private static func unknown(_ name: String) -> WorkflowError {
        WorkflowError(.notFound, "no engine has declared a queue '\(name)'")
    }
}
