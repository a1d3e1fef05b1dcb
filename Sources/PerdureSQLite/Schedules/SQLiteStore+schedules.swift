package import Perdure

// Schedules, and what they start.
extension SQLiteStore {
    package func schedules(_ names: [String]?) async throws(StoreError) -> [ScheduleListing] {
        try await reader.read { [options] connection throws(StoreError) in
            let found: [String]
            if let names { found = names.sorted() } else { found = try connection.scheduleNames() }
            var listings: [ScheduleListing] = []
            for name in found {
                guard let stored = try connection.schedule(name) else { continue }
                listings.append(try connection.listing(stored, now: options.clock()))
            }
            return listings
        }
    }

    package func changeSchedule<Answer: Sendable>(
        _ name: String, _ change: @Sendable (inout ScheduleRow?) -> Answer
    ) async throws(StoreError) -> Answer {
        try await writer.write { connection throws(StoreError) in
            let before = try connection.schedule(name)?.row
            var after = before
            let answer = change(&after)
            if let after {
                if after != before { try connection.write(after) }
            } else if before != nil {
                try connection.deleteSchedule(name)
            }
            return answer
        }
    }

    package func declareSchedules(_ names: [String], by executor: ExecutorID) async throws(StoreError) -> [String] {
        if !names.isEmpty {
            try await writer.write { [options] connection throws(StoreError) in
                for name in names { try connection.declareSchedule(name, by: executor, now: options.clock()) }
            }
        }
        return try await reader.read { [options] connection throws(StoreError) in
            var orphans: [String] = []
            for name in try connection.scheduleNames() {
                guard let stored = try connection.schedule(name), try connection.isOrphaned(stored, now: options.clock()),
                    try connection.serves(executor, stored.row.definition?.workflow)
                else { continue }
                orphans.append(name)
            }
            return orphans
        }
    }

    package func nextSchedule() async throws(StoreError) -> Microseconds? {
        try await reader.read { connection throws(StoreError) in try connection.nextSchedule() }
    }

    package func fireSchedules(_ request: FireRequest) async throws(StoreError) -> FireReport {
        // Looks first: an idle engine does not ask for the write lock.
        let (names, next) = try await reader.read { connection throws(StoreError) in
            (try connection.candidates(request), try connection.nextSchedule())
        }
        if names.isEmpty {
            var report = FireReport()
            report.next = next
            return report
        }
        return try await writer.write { [options] connection throws(StoreError) in
            try connection.fence(request.executor)
            var report = FireReport()
            for name in names {
                guard let stored = try connection.schedule(name) else { continue }
                try connection.fire(stored, request, &report, now: options.clock())
            }
            report.next = try connection.nextSchedule()
            return report
        }
    }
}
