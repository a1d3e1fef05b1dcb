extension Run {
    /// Whether the code takes the new path; in a run that has caught up with its history, with a row that says so to all later lives.
    func patched(_ id: String, at place: String) throws(WorkflowError) -> Bool {
        let time = host.clock.now()
        return try state.withLock { state throws(WorkflowError) in
            switch try state.patches.ask(id, at: place, isLive: state.isLive) {
            case .known(let isOn): return isOn
            case .record: break
            }
            let row = state.numbered(at: time) { order, finished in
                StepRecord(
                    workflow: number, key: PatchBook.key(id), order: order, kind: .patch, started: finished, finished: finished)
            }
            if let order = row.order {
                state.patches.sent(order)
                host.journal.append(.step(row), for: self, token: order)
            }
            return true
        }
    }
}
