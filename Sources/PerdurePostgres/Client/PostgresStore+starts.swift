package import Perdure

extension PostgresStore {
    package func numberBlock() async throws(StoreError) -> NumberBlock {
        let statement = starting.block
        return try await connection(.reads).runConnected { session throws(StoreError) in
            NumberBlock(first: try session.query(statement).int(0, 0), count: 1024)
        }
    }

    package var announcesStarts: Bool { true }

    package func start(
        _ starts: [(WorkflowRecord, IDPolicies)], by executor: ExecutorID?, isOwned: Bool
    ) async throws(StoreError) -> [StartResult] {
        if starts.isEmpty { return [] }
        let list: [Starter.Start] = starts.map { (record: $0.0, policies: $0.1) }
        return try await connection(.starts).run { session throws(StoreError) in
            try session.ready()
            if let executor { try session.ready(for: executor, self.registry) }
            var results: [StartResult] = []
            // As many at once as a batch may hold.
            for slice in self.slices(list) { results += try self.startTogether(session, slice, executor, isOwned) }
            if executor == nil { self.wakeups.tell([.ready]) }
            return results
        }
    }

    private func slices(_ starts: [Starter.Start]) -> [[Starter.Start]] {
        var slices: [[Starter.Start]] = [[]]
        var bytes = 0
        for start in starts {
            let size = start.record.input.bytes.count + 256
            if let last = slices.last, !last.isEmpty, last.count == 1000 || bytes + size > 4 << 20 {
                slices.append([])
                bytes = 0
            }
            slices[slices.count - 1].append(start)
            bytes += size
        }
        return slices
    }

    /// All in one transaction; where one of them is at fault, or its id is held by somebody's open transaction, one by one.
    private func startTogether(
        _ session: Session, _ starts: [Starter.Start], _ executor: ExecutorID?, _ isOwned: Bool
    ) throws(StoreError) -> [StartResult] {
        do throws(StoreError) {
            return try startAtOnce(session, starts, executor, isOwned)
        } catch {
            guard error.code == .rejected || error.nativeCode == "55P03" else { throw error }
            if starts.count == 1 { return [.rejected(error)] }
            settings.log(.debug, "starting \(starts.count) workflows one by one: \(error.message)")
            var results: [StartResult] = []
            for start in starts { results += try startTogether(session, [start], executor, isOwned) }
            return results
        }
    }

    private func startAtOnce(
        _ session: Session, _ starts: [Starter.Start], _ executor: ExecutorID?, _ isOwned: Bool
    ) throws(StoreError) -> [StartResult] {
        let found = try lanes.numbers(of: Set(starts.map(\.record.lane)), session)
        let starter = Starter(statements: starting, lanes: found, owner: isOwned ? executor : nil)
        // What an engine starts it announces itself.
        let announcement = executor == nil ? try wakeups.announcement([.ready]) ?? [] : []
        wakeups.sends(.starts, as: session.backend)
        if executor == nil, let results = try starter.startAtOnce(session, starts, announcement: announcement) { return results }
        defer { if !announcement.isEmpty { _ = try? session.pipeline(announcement) } }
        return try session.transaction { () throws(StoreError) in
            let fence = executor.map { Request(journal.fence, [.int8($0), .int4(slots.starts)]) }
            if let fence { try session.query(fence.statement, fence.parameters) }
            try session.simple("SET LOCAL lock_timeout = '1s'")
            let results = try starter.start(session, starts)
            if let executor, let fence {
                registry.acknowledge(executor, try session.query(fence.statement, fence.parameters).int(0, 0))
            }
            return results
        }
    }
}
