package import Perdure

extension Query {
    fileprivate static let link = Query(
        "SELECT number, previous, kind, step, by_whom, reason, at, origin, first, place FROM perdure_successors WHERE number = ?1")
    fileprivate static let insertLink = Query(
        """
        INSERT INTO perdure_successors (number, previous, kind, step, by_whom, reason, at, origin, first, place)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        """)
    fileprivate static let hasOutcome = Query("SELECT 1 FROM perdure_outcomes WHERE workflow = ?1")
    fileprivate static let redriven = Query("SELECT redriven FROM perdure_letters WHERE number = ?1 AND redriven IS NOT NULL")
    fileprivate static let markLetter = Query("UPDATE perdure_letters SET redriven = ?2 WHERE number = ?1")
    fileprivate static let copySteps = Query(
        """
        INSERT INTO perdure_steps (workflow, key, ord, kind, started, finished, attempts, output, output_codec, error, error_codec)
        SELECT ?2, key, ord, kind, started, finished, attempts, output, output_codec, error, error_codec
        FROM perdure_steps WHERE workflow = ?1 AND ord < ?3
        """)
    fileprivate static let copyUnordered = Query(
        """
        INSERT INTO perdure_steps (workflow, key, ord, kind, started, finished, attempts, output, output_codec, error, error_codec)
        SELECT ?2, key, NULL, kind, started, finished, attempts, output, output_codec, error, error_codec
        FROM perdure_steps WHERE workflow = ?1 AND key = ?3
        """)
    fileprivate static let makeBegun = Query("UPDATE perdure_live SET lane = ?2, expires = NULL WHERE number = ?1")
}

extension Connection {
    func link(of number: WorkflowNumber) throws(StoreError) -> RunLink? {
        let statement = try prepared(.link)
        statement.bind(1, number)
        return try statement.first { row throws(StoreError) in
            guard let kind = Int16(exactly: row.int(2)).flatMap(RunKind.init(rawValue:)) else {
                throw StoreError(
                    .rejected, "run \(number) came of another in an unknown way (\(row.int(2))): its row was edited, or is newer")
            }
            return RunLink(
                number: row.int(0), previous: row.int(1), kind: kind, step: row.optionalText(3), by: row.optionalText(4),
                reason: row.optionalText(5), at: row.int(6), origin: row.optionalText(7),
                chain: row.optionalInt(8).map { RunChain(first: $0, place: row.int(9)) })
        }
    }

    /// In the open transaction.
    func succeed(_ succession: Succession) throws(StoreError) -> SuccessionResult {
        try attempt { () throws(StoreError) in
            if let answer = try judge(succession) { return answer }
            try begin(succession)
            return .started
        }
    }

    /// nil: it is to be started.
    private func judge(_ succession: Succession) throws(StoreError) -> SuccessionResult? {
        let (record, previous) = (succession.record, succession.link.previous)
        if let known = try workflow(record.number) {
            guard record.isResend(of: known) else { throw StoreError.numberTaken(record.number) }
            return .started
        }
        guard let earlier = try workflow(previous) else { return .unknown }
        if try !isThere(.hasOutcome, previous) { return .open }
        let letter = try prepared(.redriven)
        letter.bind(1, previous)
        if let redriven = try letter.first({ $0.int(0) }) { return .superseded(by: redriven) }
        let id = record.id ?? Names.publicID(previous)
        try StoreError.checkNUL(id, "the id of a workflow")
        if let newest = try run(ofID: id)?.number, newest != previous { return .superseded(by: newest) }
        return earlier.id == nil || earlier.id == record.id ? nil : .unknown
    }

    private func isThere(_ query: Query, _ number: WorkflowNumber) throws(StoreError) -> Bool {
        let statement = try prepared(query)
        statement.bind(1, number)
        return try statement.first { _ in true } ?? false
    }

    /// Of one that was judged.
    private func begin(_ succession: Succession) throws(StoreError) {
        let (record, link, inherited) = (succession.record, succession.link, succession.inherited)
        _ = try insert(record, owner: nil)
        if let id = record.id { try setNewestRun(of: id, record) }
        try insert(link)
        if succession.isBegun {
            try run(.makeBegun, record.number, try returnLane(of: try number(of: record.lane)))
            try copySteps(of: link.previous, to: record.number, inherited)
        }
        try run(.markLetter, link.previous, record.number)
        for event in inherited.events { try publish(event) }
        for value in inherited.streams { try append(value) }
        for item in inherited.inbox { try deliver(item) }
        if inherited.keepsMail { try keepMail(of: link.previous, for: record.number) }
    }

    func insert(_ link: RunLink) throws(StoreError) {
        for text in [link.step, link.by, link.reason].compactMap(\.self) { try StoreError.checkNUL(text, "what is said of a new run") }
        let statement = try prepared(.insertLink)
        statement.bind(1, link.number)
        statement.bind(2, link.previous)
        statement.bind(3, Int64(link.kind.rawValue))
        try statement.bind(4, link.step)
        try statement.bind(5, link.by)
        try statement.bind(6, link.reason)
        statement.bind(7, link.at)
        try statement.bind(8, link.origin)
        statement.bind(9, link.chain?.first)
        statement.bind(10, link.chain?.place)
        try statement.run()
    }

    private func copySteps(of previous: WorkflowNumber, to number: WorkflowNumber, _ inherited: Inheritable) throws(StoreError) {
        let ordered = try prepared(.copySteps)
        ordered.bind(1, previous)
        ordered.bind(2, number)
        ordered.bind(3, inherited.before)
        try ordered.run()
        for key in inherited.unordered {
            try StoreError.checkNUL(key, "the key of a step")
            let statement = try prepared(.copyUnordered)
            statement.bind(1, previous)
            statement.bind(2, number)
            try statement.bind(3, key)
            try statement.run()
        }
    }

    private func run(_ query: Query, _ first: Int64, _ second: Int64) throws(StoreError) {
        let statement = try prepared(query)
        statement.bind(1, first)
        statement.bind(2, second)
        try statement.run()
    }
}

extension SQLiteStore {
    package func succeed(_ succession: Succession) async throws(StoreError) -> SuccessionResult {
        try await writer.write { connection throws(StoreError) in try connection.succeed(succession) }
    }
}
