// What all calls about schedules are made of.

extension ClientCore {
    /// Reads and writes one row; then engines look.
    func changeSchedule<Answer: Sendable>(
        _ name: String, _ change: @Sendable (inout ScheduleRow?) -> Result<Answer, WorkflowError>
    ) async throws -> Answer {
        try Names.check(name, "the name of a schedule")
        let answer = try await again { () throws(StoreError) in try await store.changeSchedule(name, change) }.get()
        await wake(.settings, nil)
        return answer
    }

    /// One that is there.
    func changeKnownSchedule<Answer: Sendable>(
        _ name: String, _ change: @Sendable (inout ScheduleRow) throws(WorkflowError) -> Answer
    ) async throws -> Answer {
        try await changeSchedule(name) { row in
            guard var known = row else { return .failure(Self.noSchedule(name)) }
            do throws(WorkflowError) {
                let answer = try change(&known)
                row = known
                return .success(answer)
            } catch {
                return .failure(error)
            }
        }
    }

    func listing(of name: String) async throws -> ScheduleListing {
        try Names.check(name, "the name of a schedule")
        guard let listing = try await again({ () throws(StoreError) in try await store.schedules([name]) }).first else {
            throw Self.noSchedule(name)
        }
        return listing
    }

    static func noSchedule(_ name: String) -> WorkflowError { WorkflowError(.notFound, "there is no schedule '\(name)'") }

    /// Two who change the same row at the same time, or a connection that was lost, are no reason to fail.
    ///
    /// A change that was made and not answered is made again; that is the same, for each sets what it sets.
    func again<Answer>(_ body: () async throws(StoreError) -> Answer) async throws(StoreError) -> Answer {
        var attempts = 0
        while true {
            do throws(StoreError) {
                return try await body()
            } catch {
                attempts += 1
                guard error.code == .transient || error.code == .unavailable, attempts < 8 else { throw error }
                await environment.clock.wait(.milliseconds(5 << attempts))
            }
        }
    }
}
