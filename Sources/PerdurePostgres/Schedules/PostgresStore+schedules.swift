package import Perdure

extension PostgresStore {
    package func schedules(_ names: [String]?) async throws(StoreError) -> [ScheduleListing] {
        let statement = ScheduleStatements(schema).list
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let asked: ParameterBuffer? = if let names { try .texts(names) } else { nil }
            let rows = try session.query(statement, [asked])
            let column = ScheduleColumns.count
            return rows.map { row in
                ScheduleListing(
                    row: rows.schedule(row), running: Int(rows.int(row, column)), isOrphaned: rows.bool(row, column + 1),
                    hasConflict: rows.bool(row, column + 2))
            }
        }
    }

    package func changeSchedule<Answer: Sendable>(
        _ name: String, _ change: @Sendable (inout ScheduleRow?) -> Answer
    ) async throws(StoreError) -> Answer {
        let statements = ScheduleStatements(schema)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            try session.transaction { () throws(StoreError) in
                // Somebody's open transaction may hold the row: that is not waited for.
                try session.simple("SET LOCAL lock_timeout = '1s'")
                for _ in 0..<3 {
                    let rows = try session.query(statements.lock, [.text(name)])
                    let before = rows.count == 0 ? nil : rows.schedule(0)
                    var after = before
                    let answer = change(&after)
                    if try Self.write(session, statements, before, after) { return answer }
                }
                throw StoreError(.transient, "schedule '\(name)' is made and deleted by others")
            }
        }
    }

    /// False if somebody else has made the row in the meantime.
    private static func write(
        _ session: Session, _ statements: ScheduleStatements, _ before: ScheduleRow?, _ after: ScheduleRow?
    ) throws(StoreError) -> Bool {
        switch (before, after) {
        case (nil, nil): break
        case (nil, let row?): return try session.query(statements.insert, ScheduleColumns.parameters(row)).count > 0
        case (let row?, nil):
            try session.query(statements.deleteFires, [.text(row.name)])
            try session.query(statements.delete, [.text(row.name)])
        case (let old?, let row?):
            if old != row { try session.query(statements.update, ScheduleColumns.parameters(row)) }
        }
        return true
    }

    package func declareSchedules(_ names: [String], by executor: ExecutorID) async throws(StoreError) -> [String] {
        let statements = ScheduleStatements(schema)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let all = try ParameterBuffer.texts(names)
            if !names.isEmpty {
                try session.query(statements.declare, [all, .int8(executor)])
                try session.query(statements.declared, [all])
            }
            let rows = try session.query(statements.orphans, [.int8(executor)])
            return rows.map { rows.text($0, 0) }
        }
    }

    package func nextSchedule() async throws(StoreError) -> Microseconds? {
        let statement = ScheduleStatements(schema).next
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(statement)
            return rows.count == 0 ? nil : rows.int(0, 0)
        }
    }
}
