package import Perdure

/// Starts a new run in the place of one that has ended, inside an open transaction.
struct Successor: Sendable {
    let statements: RunStatements
    let starter: Starter

    /// Behind a savepoint: what is not started leaves nothing behind.
    func succeed(_ session: Session, _ succession: Succession) throws(StoreError) -> SuccessionResult {
        try session.simple("SAVEPOINT perdure_run")
        do throws(StoreError) {
            let result = try attempt(session, succession)
            try session.simple(result == .started ? "RELEASE SAVEPOINT perdure_run" : "ROLLBACK TO SAVEPOINT perdure_run")
            return result
        } catch {
            if error.code == .rejected, session.isConnected { try session.simple("ROLLBACK TO SAVEPOINT perdure_run") }
            throw error
        }
    }

    private func attempt(_ session: Session, _ succession: Succession) throws(StoreError) -> SuccessionResult {
        let (record, previous) = (succession.record, succession.link.previous)
        let known = try session.query(statements.known, [.int8(record.number)])
        if known.count > 0 {
            if record.isResend(of: known.workflow(0, 0)) { return .started }
            throw StoreError(.rejected, "the number \(record.number) is another workflow's", nativeCode: "23505")
        }
        let earlier = try session.query(statements.earlier, [.int8(previous)])
        if earlier.count == 0 { return .unknown }
        if earlier.isNull(0, 1) { return .open }
        if let id = earlier.optionalText(0, 0), id != record.id { return .unknown }
        if let other = try take(session, record, previous) { return .superseded(by: other) }
        try begin(session, succession)
        return .started
    }

    /// The dead letter and the id; or whose they are.
    private func take(_ session: Session, _ record: WorkflowRecord, _ previous: WorkflowNumber) throws(StoreError) -> WorkflowNumber? {
        try session.query(statements.takeLetter, [.int8(previous), .int8(record.number)])
        let letter = try session.query(statements.redriven, [.int8(previous)])
        if letter.count > 0, let other = letter.optionalInt(0, 0), other != record.number { return other }
        let id = try ParameterBuffer.text(record.id ?? Names.publicID(previous))
        let taken = try session.query(
            statements.takeID, [id, .int8(record.number), try .text(record.lane.workflow), .int8(previous)])
        if taken.count > 0 { return nil }
        let newest = try session.query(statements.newest, [id])
        // The row that was in the way is gone: nobody deletes ids but retention.
        guard newest.count > 0 else { throw StoreError(.transient, "an id was released while it was asked for") }
        return newest.int(0, 0)
    }

    private func begin(_ session: Session, _ succession: Succession) throws(StoreError) {
        let (record, link, inherited) = (succession.record, succession.link, succession.inherited)
        try starter.insertNew(session, record)
        try session.query(
            statements.link,
            [
                .int8(link.number), .int8(link.previous), .int8(Int64(link.kind.rawValue)), try text(link.step), try text(link.by),
                try text(link.reason), .int8(link.at), try text(link.origin),
            ])
        if succession.isBegun {
            let both: [ParameterBuffer?] = [.int8(link.previous), .int8(record.number)]
            try session.query(statements.begun, [.int8(record.number)])
            try session.query(statements.copySteps, both + [.int8(inherited.before)])
            if !inherited.unordered.isEmpty { try session.query(statements.copyUnordered, both + [try .texts(inherited.unordered)]) }
        }
        try tell(session, inherited)
        if inherited.keepsMail {
            for statement in [statements.moveUnread, statements.copyReplies, statements.copyMessageKeys] {
                try session.query(statement, [.int8(link.previous), .int8(record.number)])
            }
        }
    }

    private func tell(_ session: Session, _ inherited: Inheritable) throws(StoreError) {
        for event in inherited.events {
            try session.query(
                statements.event,
                [
                    .int8(event.workflow), try .text(event.name), .bytes(event.value.bytes), .int8(Int64(event.value.codec)),
                    .int8(event.published),
                ])
        }
        if !inherited.streams.isEmpty {
            let columns = StreamColumns()
            for value in inherited.streams { try columns.append(value) }
            try session.query(statements.streams, columns.parameters)
        }
        for item in inherited.inbox {
            try session.query(
                statements.message,
                [
                    .int8(item.workflow), .int8(Int64(item.kind.rawValue)), .int8(item.reference), item.payload.map { .bytes($0.bytes) },
                    .int8(item.payload.map { Int64($0.codec) }), try text(item.topic), try text(item.key),
                ])
        }
    }

    private func text(_ text: String?) throws(StoreError) -> ParameterBuffer? {
        guard let text else { return nil }
        return try .text(text)
    }
}

extension PostgresStore {
    func successor(for record: WorkflowRecord) async throws(StoreError) -> Successor {
        // A lane that is made is made for good, in a transaction of its own.
        let lanes = try await connection(.reads).runConnected { session throws(StoreError) in
            try self.lanes.numbers(of: [record.lane], session)
        }
        return Successor(
            statements: RunStatements(schema), starter: Starter(statements: starting, lanes: lanes, owner: nil))
    }

    package func succeed(_ succession: Succession) async throws(StoreError) -> SuccessionResult {
        let successor = try await successor(for: succession.record)
        return try await connection(.starts).run { session throws(StoreError) in
            try session.ready()
            return try session.transaction { () throws(StoreError) in
                // Somebody's open transaction may hold the id: that is not waited for.
                try session.simple("SET LOCAL lock_timeout = '1s'")
                return try successor.succeed(session, succession)
            }
        }
    }
}
