internal import CLibPQ
internal import Perdure

extension Session {
    /// Many statements, one round trip.
    ///
    /// With an error the transaction is rolled back, and `failedIndex` says which statement it was.
    @discardableResult
    func pipeline(_ requests: [Request]) throws(StoreError) -> [Rows] {
        try ready()
        return try continuePipeline(requests)
    }

    /// The same inside a transaction that is open already: a connection that was lost is not made anew.
    func continuePipeline(_ requests: [Request]) throws(StoreError) -> [Rows] {
        failedIndex = nil
        guard isConnected else { throw lost() }
        for request in requests { try prepare(request.statement) }
        guard unsafe PQenterPipelineMode(raw) == 1 else { throw lost() }
        for request in requests { try send(request) }
        guard unsafe PQpipelineSync(raw) == 1 else { throw lost() }

        var results: [Rows] = []
        results.reserveCapacity(requests.count)
        var failure: StoreError?
        for index in requests.indices {
            let rows = try next()
            if rows.status == PGRES_PIPELINE_ABORTED { continue }
            if let failed = rows.failure {
                failedIndex = index
                failure = error(failed)
                if !isConnected { throw failure ?? lost() }
            }
            results.append(rows)
            // A NULL ends the results of each statement.
            while let extra = unsafe PQgetResult(raw) { unsafe PQclear(extra) }
        }
        while try next().status != PGRES_PIPELINE_SYNC {}
        guard unsafe PQexitPipelineMode(raw) == 1 else { throw lost() }
        if let failure {
            rollback()
            throw failure
        }
        return results
    }

    private func send(_ request: Request) throws(StoreError) {
        let arguments = Arguments(request.parameters)
        let statement = request.statement
        let named = isNamed(statement)
        let sent = unsafe arguments.use { count, values, lengths, formats in
            named
                ? unsafe PQsendQueryPrepared(raw, statement.name, count, values, lengths, formats, 1)
                : unsafe PQsendQueryParams(raw, statement.text, count, nil, values, lengths, formats, 1)
        }
        if sent != 1 { throw lost() }
    }

    /// The next result, passing over the NULLs that separate aborted statements.
    private func next() throws(StoreError) -> Rows {
        for _ in 0..<2 {
            if let result = unsafe PQgetResult(raw) { return unsafe Rows(result) }
            if !isConnected { throw lost() }
        }
        throw lost()
    }

    /// A transaction of several round trips, explicitly READ COMMITTED.
    ///
    /// With an error it is rolled back.
    func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        try ready()
        try query(.begin)
        do throws(StoreError) {
            let result = try body()
            let end = try query(.commit)
            if end.tag != "COMMIT" { throw StoreError(.transient, "the transaction was rolled back instead of committed") }
            return result
        } catch {
            rollback()
            throw error
        }
    }
}
