package import Perdure

extension PostgresStore {
    package func declare(_ queues: [QueueRules]) async throws(StoreError) -> [QueueRow] {
        if queues.isEmpty { return [] }
        let statements = QueueStatements(schema)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            try session.transaction { () throws(StoreError) in
                let names = try ParameterBuffer.texts(queues.map(\.name))
                let declared = Dictionary(queues.map { ($0.name, $0) }) { first, _ in first }
                func leaving(_ rows: Rows) -> [String] {
                    rows.compactMap { rows.queue($0) }.filter {
                        $0.declared.slots == .untilEnd && declared[$0.name]?.slots == .whileRunning
                    }
                    .map(\.name)
                }
                // No claim by the former rule may come behind this; and before the rows, as whoever pauses a queue.
                for name in leaving(try session.query(statements.rows, [names])) {
                    try session.query(statements.awaitClaims, [.text(name)])
                }
                let before = try session.query(statements.before, [names])
                try session.query(statements.declare, [names, .texts(queues.map(\.text))])
                let others = before.compactMap { row in
                    before.text(row, 1) == declared[before.text(row, 0)]?.text ? nil : before.queue(row)
                }
                // What holds a slot until its end would wait for a second one when it wakes.
                let leaving = leaving(before)
                if !leaving.isEmpty { try session.query(statements.freeOwn, [.texts(leaving)]) }
                return others
            }
        }
    }

    package func queueRows(_ names: [String]?) async throws(StoreError) -> [QueueRow] {
        let statement = QueueStatements(schema).rows
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let asked: ParameterBuffer? = if let names { try .texts(names) } else { nil }
            let rows = try session.query(statement, [asked])
            return rows.compactMap { rows.queue($0) }
        }
    }

    package func changeQueue(_ name: String, _ change: QueueChange) async throws(StoreError) -> QueueRow? {
        let statements = QueueStatements(schema)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let (names, name) = (try ParameterBuffer.texts([name]), try ParameterBuffer.text(name))
            switch change {
            case .limits(let limits, let revision):
                let text: ParameterBuffer? = if let limits { try .text(limits.text) } else { nil }
                let rows = try session.query(statements.limits, [name, text, .int8(revision)])
                if rows.isNull(0, 0) { throw StoreError.queueChanged }
            case .pause(let reason):
                let text: ParameterBuffer? = if let reason { try .text(reason) } else { nil }
                try session.query(statements.pause, [name, text])
            case .resume: try session.query(statements.resume, [name])
            }
            let rows = try session.query(statements.rows, [names])
            return rows.count == 0 ? nil : rows.queue(0)
        }
    }

    package func queueCounts(_ name: String) async throws(StoreError) -> QueueCounts {
        let statement = QueueStatements(schema).counts
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let row = try session.query(statement, [.text(name)])
            return QueueCounts(
                waiting: Int(row.int(0, 0)), delayed: Int(row.int(0, 1)), running: Int(row.int(0, 2)), oldest: row.optionalInt(0, 3),
                items: Int(row.int(0, 4)))
        }
    }

    package func deadLetters(
        of queue: String?, after number: WorkflowNumber, limit: Int
    ) async throws(StoreError) -> [DeadLetterRecord] {
        let statement = QueueStatements(schema).deadLetters
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let name: ParameterBuffer? = if let queue { try .text(queue) } else { nil }
            let rows = try session.query(statement, [name, .int8(number), .int8(Int64(limit))])
            return rows.map { row in
                DeadLetterRecord(
                    number: rows.int(row, 0), id: rows.optionalText(row, 1),
                    lane: Lane(
                        queue: rows.text(row, 2), key: rows.text(row, 3), priority: rows.int16(row, 4), workflow: rows.text(row, 5),
                        version: rows.text(row, 6)),
                    status: OutcomeStatus(rawValue: rows.int16(row, 7)) ?? .failed, error: rows.payload(row, 8), finished: rows.int(row, 10)
                )
            }
        }
    }

    package func redrive(
        _ letters: [WorkflowNumber: WorkflowNumber], now: Microseconds
    ) async throws(StoreError) -> [WorkflowNumber] {
        if letters.isEmpty { return [] }
        let statement = QueueStatements(schema).redrive
        let pairs = letters.sorted { $0.key < $1.key }
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(statement, [.int8s(pairs.map(\.key)), .int8s(pairs.map(\.value)), .int8(now)])
            return rows.map { rows.int($0, 0) }
        }
    }

    package func add(_ items: [BatchItem]) async throws(StoreError) {
        if items.isEmpty { return }
        let statement = QueueStatements(schema).add
        try await connection(.reads).runConnected { session throws(StoreError) in
            _ = try session.query(statement, try ItemColumns(items).parameters)
        }
    }

    package func gather(
        _ wishes: [BatchWish], by executor: ExecutorID, now: Microseconds
    ) async throws(StoreError) -> (made: Int, next: Microseconds?) {
        let (statements, fence, slot) = (QueueStatements(schema), journal.fence, slots.starts)
        return try await connection(.starts).run { session throws(StoreError) in
            try session.ready(for: executor, self.registry)
            let within = try ParameterBuffer.texts(wishes.map(\.queue))
            let next = [within, .int8s(wishes.map(\.within))]
            // An idle engine looks, and writes nothing.
            if try session.query(statements.nextItem, next).isNull(0, 0) { return (0, nil) }
            // In one go: whoever freezes in the midst of it must not keep the others from it.
            var requests = [Request(.begin)]
            for wish in wishes {
                let parameters: [ParameterBuffer?] = [
                    try .text(wish.queue), .int4(Int32(wish.size)), .int8(wish.within), .int8(wish.expiry),
                ]
                requests.append(Request(statements.gather, parameters))
            }
            let answers = try session.pipeline(requests + [Request(fence, [.int8(executor), .int4(slot)]), Request(.commit)])
            self.registry.acknowledge(executor, answers[wishes.count + 1].int(0, 0))
            let counts = answers[1...wishes.count].map { $0.optionalInt(0, 0) }
            let made = counts.reduce(0) { $0 + Int($1 ?? 0) }
            let rest = try session.query(statements.nextItem, next).optionalInt(0, 0).map { now + max(0, $0) }
            return (made, counts.contains(nil) ? rest.map { max($0, now + 100_000) } : rest)
        }
    }
}

/// Items on their way.
struct ItemColumns {
    let parameters: [ParameterBuffer?]

    init(_ items: [BatchItem]) throws(StoreError) {
        let (queue, key, priority) = (Column(PostgresType.text), Column(PostgresType.text), Column(PostgresType.int2))
        let (name, version, payload) = (Column(PostgresType.text), Column(PostgresType.text), Column(PostgresType.bytea))
        for item in items {
            try queue.append(item.lane.queue)
            try key.append(item.lane.key)
            priority.append(item.lane.priority)
            try name.append(item.lane.workflow)
            try version.append(item.lane.version)
            payload.append(item.payload.bytes)
        }
        parameters = [queue, key, priority, name, version, payload].map(\.sealed)
    }
}

extension Rows {
    /// A row of `queues`; nil if nobody understands what is declared there.
    fileprivate func queue(_ row: Int) -> QueueRow? {
        QueueRow(
            declared: text(row, 1), changed: optionalText(row, 2), isPaused: bool(row, 3), pauseReason: optionalText(row, 4),
            revision: int(row, 5), engines: Int(int(row, 6)))
    }
}
