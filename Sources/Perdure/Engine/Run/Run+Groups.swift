// Children that were started together: their starts and their ends on the way into the database.

extension Run {
    /// A block of children and its row are one command.
    func recordChildrenStart(_ key: String, _ children: [WorkflowRecord], _ block: ChildBlock, owned: Bool, started: Microseconds) {
        let output = try? block.encoded()
        let time = host.clock.now()
        let isAppended = state.withLock { state in
            let record = state.complete(key, at: time) { order, finished in
                StepRecord(
                    workflow: number, key: key, order: order, kind: .childrenStart, output: output, started: started, finished: finished)
            }
            guard let record, let order = record.order else { return false }
            state.startingBlocks[order] = StartingBlock(records: children, isOwned: owned, output: output)
            host.journal.append(.startChildren(children, owned: owned, step: record), for: self, token: order)
            return true
        }
        if !isAppended, owned { for child in children { host.arrived(child, isStarted: false) } }
    }

    /// Its fate is known.
    func settled(_ block: StartingBlock, isStarted: Bool) {
        guard block.isOwned else { return host.becameReady() }
        for child in block.records { host.arrived(child, isStarted: isStarted) }
    }

    /// A call waits for ends of a group.
    ///
    /// Until it is known whether there are any, the workflow stays in memory.
    func awaitEnds(of group: String, _ key: String) {
        state.withLock { state in
            state.groups.want(group, key)
            state.unresolved += 1
        }
        host.readGroupEnds(group, for: self)
    }

    /// Ends have arrived in the inbox.
    func groupEndsArrived() {
        let groups = state.withLock { state in
            let groups = state.groups.arrived()
            state.unresolved += groups.count
            return groups
        }
        for group in groups { host.readGroupEnds(group, for: self) }
    }

    /// What the database has found in the inbox.
    func groupEnds(_ ends: [GroupEnd], of group: String) {
        let blocks = state.withLock { $0.groups.blocks(of: group) }
        let page = ends.compactMap { member($0, blocks) }
        let mustAsk = state.withLock { state in
            switch state.groups.answered(group, isEmpty: page.isEmpty) {
            case .ask: return true
            case .give(let key): record(page, key, consumes: ends.map(\.sequence), &state)
            case .drop, .wait: break
            }
            state.unresolved -= 1
            return false
        }
        if mustAsk { host.readGroupEnds(group, for: self) } else { poke() }
    }

    private func member(_ end: GroupEnd, _ blocks: [ChildBlock]) -> GroupMember? {
        guard let index = blocks.index(of: end.child) else { return nil }
        let outcome = end.outcome
        let status = outcome?.status ?? .failed
        if status == .completed { return GroupMember(index: index, status: status, payload: outcome?.output) }
        let unknown =
            outcome == nil
            ? WorkflowError(.notFound, "how the child ended is not kept any more") : WorkflowError(.terminated, "the child was terminated")
        return GroupMember(index: index, status: status, payload: outcome?.error ?? workflow.errors.record(unknown, with: coder))
    }

    private func record(_ page: [GroupMember], _ key: String, consumes: [Int64], _ state: inout RunState) {
        let time = host.clock.now()
        let record = state.complete(key, at: time) { order, finished in
            StepRecord(
                workflow: number, key: key, order: order, kind: .childrenEnded, output: GroupPage.encoded(page), started: finished,
                finished: finished)
        }
        guard let record, let order = record.order else { return }
        host.journal.append(.childrenEnded(record, consumes: consumes), for: self, token: order)
    }

    /// Asks those of a group that are open to cancel; once.
    func cancelGroup(_ group: String) {
        let blocks = state.withLock { $0.groups.claimCancel(group) ? $0.groups.blocks(of: group) : [] }
        if !blocks.isEmpty { host.cancelChildren(of: self, in: blocks) }
    }
}
