internal import Perdure

// What has arrived for workflows that are not in memory.
extension PostgresClaimer {
    func arrivals() async throws(StoreError) -> [WorkflowNumber] {
        let page = 10_000
        return try await run { session throws(StoreError) in
            var state = self.positions.withLock { $0 }
            var workflows: Set<WorkflowNumber> = []
            var late: Set<WorkflowNumber> = []
            var found = page
            while found == page {
                let cursor = state.inbox
                let results = try session.pipeline([
                    Request(.begin), Request(.byIndex),
                    Request(
                        self.statements.arrivals,
                        [.xid8(cursor.transaction), .int8(cursor.number), .xid8s(cursor.late), .int8(Int64(page))]),
                    Request(.commit),
                ])
                let rows = results[2]
                var result = Look()
                for row in 0..<rows.count {
                    switch ClaimStatements.Row(rawValue: rows.int(row, 0)) {
                    case .got: workflows.insert(rows.int(row, 1))
                    case .late: late.insert(rows.int(row, 1))
                    case .position: result.position = (rows.uint(row, 2), rows.int(row, 1))
                    case .inProgress: result.inProgress.append(rows.uint(row, 2))
                    case .next: (result.next, found) = (rows.uint(row, 2), Int(rows.int(row, 1)))
                    default: break
                    }
                }
                state.inbox.advance(to: result.position, inProgress: result.inProgress, next: result.next)
                if state.inbox.transaction == cursor.transaction, state.inbox.number == cursor.number { break }
            }
            self.keep(state)
            if !late.isEmpty {
                let rows = try session.query(self.statements.forward, [.int8s(Array(late))])
                workflows.formUnion(rows.map { rows.int($0, 0) })
            }
            return Array(workflows)
        }
    }
}
