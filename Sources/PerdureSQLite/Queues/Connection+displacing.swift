internal import Perdure

extension Connection {
    /// Makes room under a key that is full.
    func displace(_ request: DisplaceRequest, for executor: ExecutorID, now: Microseconds) throws(StoreError) -> DisplaceReport {
        guard try standing(of: request.limit.queue)?.revision == request.revision, try count(of: request.limit) >= request.capacity
        else { return DisplaceReport() }
        let waiting = try fresh(in: request.lanes, limit: 1_000, now: now)
        let leaving = request.cancels ? waiting.dropLast(request.capacity) : waiting[...]
        var report = DisplaceReport()
        for number in leaving { report.displaced += try own(number, isFresh: true, endsUnrun: true, for: executor) }
        guard request.cancels else { return report }
        for holder in try workflows(holding: request.limit, most: min(waiting.count, request.capacity)) where !holder.isCancelled {
            try deliver(InboxItem(workflow: holder.number, kind: .cancel))
            report.cancelled.append(holder.number)
        }
        return report
    }

    /// The oldest that may begin now.
    private func fresh(in lanes: [Int64], limit: Int, now: Microseconds) throws(StoreError) -> [WorkflowNumber] {
        var fresh: [Int64] = []
        for lane in lanes where try self.lane(lane)?.returned == false { fresh.append(lane) }
        var rows = try ReadyRows(fresh, count: limit, on: self)
        var numbers: [WorkflowNumber] = []
        while numbers.count < limit, let row = try rows.next() {
            if row.due ?? .min <= now { numbers.append(row.number) }
        }
        return numbers
    }
}
