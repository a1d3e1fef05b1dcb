internal import Foundation
internal import Perdure
internal import Testing

/// What is read by those who look and do not run.
@Suite(.timeLimit(.minutes(10))) struct ArchiveTests {
    @Test(arguments: StoreUnderTest.available)
    func `all that is recorded of a workflow`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let rows = (1...30).map { step(number, "s\($0)", Int64($0)) }
            let pay = step(number, "pay", nil, kind: .transaction)
            try await executor.commit(rows.map { .step($0) } + [.pending(pending(number, "p"))])
            let transaction = try await fixture.backend.begin(.readCommitted, for: executor.id)
            _ = try await transaction.commit(pay, hadPending: false)
            try await fixture.backend.deliver([cancel(number)])
            let history = try #require(try await fixture.backend.recorded(number))
            #expect(history.record.number == number)
            #expect(history.steps == rows + [pay])
            #expect(history.pending == [pending(number, "p")])
            #expect(history.inbox.map(\.kind) == [.cancel])
            #expect(history.outcome == nil)
            try await executor.commit(.finish(outcome(number), parent: nil))
            #expect(try await fixture.backend.recorded(number)?.outcome == outcome(number))
            #expect(try await fixture.backend.recorded(-1) == nil)
            let aside = try await fixture.owned(by: executor)
            try await executor.commit(.setAside(aside, reason: "broken", at: Fixture.moment))
            #expect(try await fixture.backend.recorded(aside)?.aside == "broken")
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `numbers come in pages`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let open = try await fixture.ownedMany(7, by: executor)
            let others = try await fixture.readyMany(3, "other")
            let closed = try await fixture.owned(by: executor)
            try await executor.commit(.finish(outcome(closed), parent: nil))
            let backend = fixture.backend
            let all = try await backend.numbers(of: ArchiveSelection(), after: .min, limit: 100)
            #expect(all == (open + others).sorted())
            #expect(try await backend.numbers(of: ArchiveSelection(), after: .min, limit: 4) == Array(all.prefix(4)))
            #expect(try await backend.numbers(of: ArchiveSelection(), after: all[3], limit: 100) == Array(all.dropFirst(4)))
            #expect(try await backend.numbers(of: ArchiveSelection(workflow: "other"), after: .min, limit: 100) == others.sorted())
            #expect(try await backend.numbers(of: ArchiveSelection(includesClosed: true), after: .min, limit: 100).count == 11)
            #expect(try await backend.numbers(of: ArchiveSelection(since: Fixture.moment), after: .min, limit: 100).count == 10)
            let since = ArchiveSelection(since: Fixture.moment + 1, includesClosed: true)
            #expect(try await backend.numbers(of: since, after: .min, limit: 100).isEmpty)
        }
    }

    /// The code asks for a patch before its row's turn comes, perhaps pages before.
    @Test(arguments: StoreUnderTest.available)
    func `patches behind the first page`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(3, by: executor)
            for number in numbers.dropLast() {
                let rows = (1...20).map { step(number, "s\($0)", Int64($0)) }
                let late = step(number, "@patch:late #1", 21, kind: .patch, output: nil)
                try await executor.commit((rows + [late]).map { .step($0) })
            }
            for wanted in [numbers, [numbers[0]]] {
                for loaded in try await fixture.backend.load(wanted, limit: 5) {
                    #expect(loaded.patches == (loaded.record.number == numbers[2] ? [] : ["@patch:late #1"]))
                    #expect(loaded.isComplete == (loaded.record.number == numbers[2]))
                }
            }
            let whole = try await fixture.load(numbers[0])
            #expect(whole.isComplete && whole.history.last?.kind == .patch)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is open of each version`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor(serving: Repertoire(workflows: ["flow", "other"], versions: ["", "2", "3"]))
            var numbers: [WorkflowNumber] = []
            for index in 0..<5 {
                var record = try await fixture.record("flow", lane: Lane(workflow: "flow", version: "1"))
                record.deadline = Fixture.future + Int64(index)
                record.created += Int64(index)
                try await executor.commit(.start(record))
                numbers.append(record.number)
            }
            _ = try await fixture.ready(lane: Lane(workflow: "flow", version: "2"))
            try await executor.commit([
                .suspend(numbers[0], due: Fixture.future - 5), .release(numbers[1]), .suspend(numbers[2], due: .max),
            ])
            var first = VersionRecord(version: "1")
            (first.open, first.queued, first.running, first.waiting) = (5, 1, 2, 2)
            (first.oldest, first.latestDue, first.drained) = (Fixture.moment, Fixture.future - 5, Fixture.future + 4)
            var second = VersionRecord(version: "2")
            (second.open, second.queued, second.oldest, second.engines) = (1, 1, Fixture.moment, 1)
            var third = VersionRecord(version: "3")
            third.engines = 1
            var none = VersionRecord(version: "")
            none.engines = 1
            #expect(try await fixture.backend.versions() == [none, first, second, third])
            // One that is set aside has no end, and one that has ended is counted for an hour.
            let now = Microseconds(Date().timeIntervalSince1970 * 1_000_000)
            var end = outcome(numbers[4])
            end.finished = now
            try await executor.commit([.setAside(numbers[3], reason: "broken", at: now), .finish(end, parent: nil)])
            (first.open, first.running, first.setAside, first.drained, first.endedInHour) = (4, 0, 1, nil, 1)
            #expect(try await fixture.backend.versions() == [none, first, second, third])
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `the columns of the view`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var record = try await fixture.record("flow", lane: Lane(workflow: "flow", version: "1"))
            record.deadline = Fixture.future
            try await executor.commit(.start(record))
            let view = try await fixture.view("versions")
            #expect(
                view.columns == [
                    "version", "open", "queued", "running", "waiting", "set_aside", "oldest_created_at", "latest_due_at", "drained_at",
                    "engines", "ended_in_hour",
                ])
            #expect(view.rows.count == 1)
            #expect(view.rows.first?.prefix(6) == [.text("1"), .int(1), .int(0), .int(1), .int(0), .int(0)])
            guard case .text(let drained) = view.rows.first?[8] else {
                Issue.record("\(view.rows)")
                return
            }
            #expect(drained.hasPrefix("2100-01-01 00:00:00"))
        }
    }
}
