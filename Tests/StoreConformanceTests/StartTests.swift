internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct StartTests {
    /// What there is under the id, what is asked, and the answer.
    struct Case: CustomTestStringConvertible, Sendable {
        enum Answer { case started, existing, open, closed, otherType }

        /// nil is open.
        var ended: OutcomeStatus?
        var conflict: IDConflictPolicy = .useExisting
        var reuse: IDReusePolicy = .useExisting
        var isOtherType = false
        var answer: Answer

        var testDescription: String {
            "\(ended.map { "\($0)" } ?? "open"), \(conflict), \(reuse)\(isOtherType ? ", another type" : ""): \(answer)"
        }

        static let all: [Case] = {
            let reuses: [IDReusePolicy] = [.useExisting, .allowDuplicate, .allowDuplicateFailedOnly, .rejectDuplicate]
            let conflicts: [IDConflictPolicy] = [.useExisting, .fail, .terminateExisting]
            var all: [Case] = []
            for conflict in conflicts {
                for reuse in reuses {
                    all.append(Case(conflict: conflict, reuse: reuse, answer: conflict == .useExisting ? .existing : .open))
                }
            }
            for conflict in conflicts {
                all += [
                    Case(ended: .completed, conflict: conflict, reuse: .useExisting, answer: .existing),
                    Case(ended: .failed, conflict: conflict, reuse: .useExisting, answer: .existing),
                    Case(ended: .completed, conflict: conflict, reuse: .allowDuplicate, answer: .started),
                    Case(ended: .completed, conflict: conflict, reuse: .allowDuplicateFailedOnly, answer: .closed),
                    Case(ended: .failed, conflict: conflict, reuse: .rejectDuplicate, answer: .closed),
                ]
            }
            for ended in [OutcomeStatus.failed, .cancelled, .terminated, .timedOut] {
                all.append(Case(ended: ended, reuse: .allowDuplicateFailedOnly, answer: .started))
                all.append(Case(ended: ended, reuse: .allowDuplicate, answer: .started))
            }
            for ended in [nil, OutcomeStatus.completed, .failed] {
                for reuse in reuses { all.append(Case(ended: ended, reuse: reuse, isOtherType: true, answer: .otherType)) }
                all.append(Case(ended: ended, conflict: .terminateExisting, isOtherType: true, answer: .otherType))
            }
            return all
        }()
    }

    @Test(arguments: StoreUnderTest.available)
    func `all policies, whatever the id is taken by`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for (index, each) in Case.all.enumerated() {
                let id = "order \(index)"
                let first = try await fixture.record("first", id: id)
                #expect(try await fixture.backend.start([(first, IDPolicies())], owner: executor.id) == [.started(owned: true)])
                if let ended = each.ended { try await executor.commit(.finish(outcome(first.number, ended), parent: nil)) }
                let second = try await fixture.record(each.isOtherType ? "second" : "first", id: id)
                let policies = IDPolicies(conflict: each.conflict, reuse: each.reuse)
                let expected: StartResult =
                    switch each.answer {
                    case .started: .started(owned: false)
                    case .existing: .existing(first.number)
                    case .open: .open(first.number)
                    case .closed: .closed(first.number)
                    case .otherType: .otherType("first")
                    }
                let result = try await fixture.backend.start([(second, policies)], owner: nil)
                #expect(result == [expected], "\(each.testDescription)")
                let started = each.answer == .started
                #expect(try await fixture.backend.number(ofID: id) == (started ? second.number : first.number))
                #expect(try await fixture.backend.status(of: second.number)?.live == (started ? .ready : nil))
                #expect(try await fixture.status(first.number).outcome?.status == each.ended)
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a new run under a used id leaves the old one as it is`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let policies = IDPolicies(conflict: .fail, reuse: .allowDuplicate)
            var runs: [WorkflowNumber] = []
            for _ in 0..<3 {
                let record = try await fixture.record(id: "same")
                #expect(try await fixture.backend.start([(record, policies)], owner: executor.id) == [.started(owned: true)])
                try await executor.commit(.finish(outcome(record.number), parent: nil))
                runs.append(record.number)
            }
            #expect(try await fixture.backend.number(ofID: "same") == runs.last)
            for run in runs { #expect(try await fixture.status(run).outcome == outcome(run)) }
            // The first run's start, sent again, is still its own.
            #expect(try await fixture.status(runs[0]).record.id == "same")
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the same id twice in one call`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let records = [
                try await fixture.record(id: "b"), try await fixture.record(id: "a"), try await fixture.record(id: "b"),
                try await fixture.record(), try await fixture.record("other", id: "a"), try await fixture.record(id: "a"),
            ]
            var starts = records.map { ($0, IDPolicies()) }
            starts[5].1.conflict = .fail
            let results = try await fixture.backend.start(starts, owner: nil)
            #expect(
                results == [
                    .started(owned: false), .started(owned: false), .existing(records[0].number), .started(owned: false),
                    .otherType("flow"), .open(records[1].number),
                ])
            #expect(try await fixture.backend.number(ofID: "a") == records[1].number)
            #expect(try await fixture.backend.number(ofID: "b") == records[0].number)
            #expect(try await fixture.backend.number(ofID: "c") == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a bad start is refused alone`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            for (index, id) in Keys.poison.enumerated() {
                let records = [
                    try await fixture.record(id: "before \(index)"), try await fixture.record(id: id),
                    try await fixture.record(id: "after \(index)"), try await fixture.record(),
                ]
                let results = try await fixture.backend.start(records.map { ($0, IDPolicies()) }, owner: nil)
                #expect(results[0] == .started(owned: false) && results[2...] == [.started(owned: false), .started(owned: false)])
                if case .rejected(let error) = results[1] {
                    #expect(error.code == .rejected && !error.message.isEmpty)
                    #expect(try await fixture.backend.status(of: records[1].number) == nil)
                } else {
                    // Then it must be there as it was given.
                    #expect(try await fixture.backend.number(ofID: id) == records[1].number)
                    #expect(try await fixture.load(records[1].number).record == records[1])
                }
                #expect(try await fixture.backend.number(ofID: "nul") == nil)
                #expect(try await fixture.backend.number(ofID: "after \(index)") == records[2].number)
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `with an owner what is due is theirs, what is not waits`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let records = [
                try await fixture.record(), try await fixture.record(due: Fixture.moment), try await fixture.record(due: Fixture.future),
                try await fixture.record(id: "delayed", due: Fixture.future),
            ]
            let results = try await fixture.backend.start(records.map { ($0, IDPolicies()) }, owner: executor.id)
            #expect(results == [.started(owned: true), .started(owned: true), .started(owned: false), .started(owned: false)])
            #expect(Set(try await executor.claimer.owned()) == [records[0].number, records[1].number])
            let seen = try await fixture.statuses(records.map(\.number))
            #expect(seen.map(\.live) == [.owned, .owned, .ready, .ready])
            #expect(seen[2].due == Fixture.future && seen[2].executor == nil)
            let claimed = try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            #expect(Set(claimed.map(\.number)) == [records[2].number, records[3].number])
            #expect(claimed.allSatisfy { $0.due == Fixture.future && $0.crashes == 0 })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `32 starters of one id make one run`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let backends = [fixture.backend, try await fixture.open(), try await fixture.open()]
            var records: [WorkflowRecord] = []
            for _ in 0..<32 { records.append(try await fixture.record(id: "one")) }
            let results = try await withThrowingTaskGroup(of: (WorkflowNumber, StartResult).self) { group in
                for (index, record) in records.enumerated() {
                    group.addTask {
                        let start = [(record, IDPolicies())]
                        let results = try await retrying { try await backends[index % 3].start(start, owner: nil) }
                        return (record.number, try #require(results.first))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let winners = results.filter { $0.1 == .started(owned: false) }.map(\.0)
            try #require(winners.count == 1)
            #expect(results.allSatisfy { $0.0 == winners[0] || $0.1 == .existing(winners[0]) })
            #expect(try await fixture.backend.number(ofID: "one") == winners[0])
            let executor = try await fixture.executor()
            #expect(try await executor.claimReady() == winners)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `number blocks never overlap`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let backends = [fixture.backend, try await fixture.open(), try await fixture.open()]
            let blocks = try await withThrowingTaskGroup(of: NumberBlock.self) { group in
                for index in 0..<60 {
                    group.addTask { try await retrying { try await backends[index % 3].numberBlock() } }
                }
                return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.first < $1.first }
            }
            #expect(blocks.allSatisfy { $0.first > 0 && $0.count > 0 })
            for (left, right) in zip(blocks, blocks.dropFirst()) {
                #expect(left.first + WorkflowNumber(left.count) <= right.first)
            }
            // Milliseconds since 2025 in the high bits: this is between 2025 and 2060.
            let milliseconds = try #require(blocks.first).first >> 22
            #expect(milliseconds > 0 && milliseconds < 35 * 365 * 86_400_000)
        }
    }
}
