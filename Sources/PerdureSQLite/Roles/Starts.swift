internal import Perdure

extension Query {
    fileprivate static let runOfID = Query("SELECT number, name FROM perdure_workflow_ids WHERE id = ?1")
    fileprivate static let outcomeStatus = Query("SELECT status FROM perdure_outcomes WHERE workflow = ?1")
    fileprivate static let newestRun = Query(
        """
        INSERT INTO perdure_workflow_ids (id, number, name) VALUES (?1, ?2, ?3)
        ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name
        """)
    fileprivate static let isOwned = Query("SELECT 1 FROM perdure_live WHERE number = ?1 AND executor = ?2 AND state = 1")
}

extension Connection {
    /// Starts in the open transaction, one result each, in order.
    ///
    /// What is rejected leaves nothing behind and stops no other.
    func start(
        _ starts: [(WorkflowRecord, IDPolicies)], owner: ExecutorID?, now: Microseconds
    ) throws(StoreError) -> [StartResult] {
        var results: [StartResult] = []
        for (record, policies) in starts {
            do {
                let result = try attempt { () throws(StoreError) in
                    try start(record, policies, owner: record.due ?? .min <= now ? owner : nil, asking: owner)
                }
                results.append(result)
            } catch {
                guard error.code == .rejected, isInTransaction else { throw error }
                results.append(.rejected(error))
            }
        }
        return results
    }

    private func start(
        _ record: WorkflowRecord, _ policies: IDPolicies, owner: ExecutorID?, asking: ExecutorID?
    ) throws(StoreError) -> StartResult {
        if let deduplication = policies.deduplication, let answer = try judge(record, deduplication, asking: asking) { return answer }
        if let id = record.id {
            try StoreError.checkNUL(id, "the id of a workflow")
            if let (number, name) = try run(ofID: id) {
                if let taken = try judge(record, policies, existing: number, name: name, asking: asking) { return taken }
            }
        }
        guard try insert(record, owner: owner) else { return .started(owned: try isOwned(record.number, by: asking)) }
        if let id = record.id { try setNewestRun(of: id, record) }
        if let deduplication = policies.deduplication { try take(deduplication.key, for: record) }
        return .started(owned: owner != nil)
    }

    func setNewestRun(of id: String, _ record: WorkflowRecord) throws(StoreError) {
        let statement = try prepared(.newestRun)
        try statement.bind(1, id)
        statement.bind(2, record.number)
        try statement.bind(3, record.lane.workflow)
        try statement.run()
    }

    /// What this very start was answered, if it was sent before.
    func resent(_ record: WorkflowRecord, asking: ExecutorID?) throws(StoreError) -> StartResult? {
        guard let known = try workflow(record.number) else { return nil }
        guard record.isResend(of: known) else { throw StoreError.numberTaken(record.number) }
        return .started(owned: try isOwned(record.number, by: asking))
    }

    /// What to do about an id that is taken; nil is a new run.
    ///
    /// A run is closed if it has an outcome: that there is no `live` row proves nothing.
    private func judge(
        _ record: WorkflowRecord, _ policies: IDPolicies, existing number: WorkflowNumber, name: String, asking: ExecutorID?
    ) throws(StoreError) -> StartResult? {
        // The number says whether this was sent before, perhaps before a newer run under the id.
        if let answer = try resent(record, asking: asking) { return answer }
        guard name == record.lane.workflow else { return .otherType(name) }
        let statement = try prepared(.outcomeStatus)
        statement.bind(1, number)
        guard let status = try statement.first({ $0.int(0) }) else {
            return policies.conflict == .useExisting ? .existing(number) : .open(number)
        }
        switch policies.reuse {
        case .useExisting: return .existing(number)
        case .allowDuplicate: return nil
        case .allowDuplicateFailedOnly: return status == Int64(OutcomeStatus.completed.rawValue) ? .closed(number) : nil
        case .rejectDuplicate: return .closed(number)
        }
    }

    func run(ofID id: String) throws(StoreError) -> (number: WorkflowNumber, name: String)? {
        let statement = try prepared(.runOfID)
        try statement.bind(1, id)
        return try statement.first { ($0.int(0), $0.text(1)) }
    }

    private func isOwned(_ number: WorkflowNumber, by executor: ExecutorID?) throws(StoreError) -> Bool {
        guard let executor else { return false }
        let statement = try prepared(.isOwned)
        statement.bind(1, number)
        statement.bind(2, executor)
        return try statement.first { _ in true } ?? false
    }
}
