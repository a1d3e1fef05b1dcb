internal import Perdure
internal import Testing

/// What the poll of an engine asks for.
@Suite(.timeLimit(.minutes(10))) struct GlanceTests {
    private let nothing = Glance.nothing

    /// On every store: what is there is seen.
    @Test(arguments: StoreUnderTest.available)
    func `whatever a look would find is seen by a glance`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            func glance() async throws -> Glance { try await executor.claimer.glance(.flow) }
            let number = try await fixture.ready()
            #expect(try await glance().ready)
            #expect(try await executor.claimReady() == [number])
            try await fixture.backend.deliver([cancel(number)])
            #expect(try await glance().inbox)
            try await executor.commit(.suspend(number, due: Fixture.moment))
            let due = try await glance().nextDue
            #expect(due.map { $0 <= Fixture.moment } == true)
        }
    }

    /// What transactions elsewhere in the cluster hold back is looked at again until they have ended, so "no" is what it comes to.
    @Test(.enabled(if: StoreUnderTest.available.contains(.postgres)))
    func `what an idle engine asks is one question, and the answer is no`() async throws {
        try await withStore(.postgres) { fixture in
            let (executor, other) = (try await fixture.executor(), try await fixture.executor())
            let claimer = executor.claimer
            func settles(_ expected: Glance, hears: Bool = true) async throws {
                try await eventually("\(expected)") {
                    _ = try await executor.claimReady()
                    if hears { _ = try await claimer.arrivals() }
                    return try await claimer.glance(.flow) == expected
                }
            }
            #expect(try await claimer.glance(.flow) == nothing)
            // What others serve, or have, is none of its business.
            _ = try await fixture.ready("other")
            let theirs = try await fixture.owned(by: other)
            #expect(try await claimer.glance(.flow).ready)
            #expect(try await executor.claimReady() == [])
            try await settles(nothing)
            // It is told of each thing once, until it has forgotten where it was.
            let number = try await fixture.ready()
            #expect(try await claimer.glance(.flow).ready)
            #expect(try await executor.claimReady() == [number])
            try await fixture.backend.deliver([cancel(theirs)])
            try await settles(
                Glance(ready: false, inbox: true, nextDue: nil, suspect: nil, expired: false, nextSchedule: nil), hears: false)
            #expect(try await claimer.arrivals() == [theirs])
            try await settles(nothing)
            claimer.reset()
            try await settles(
                Glance(ready: false, inbox: true, nextDue: nil, suspect: nil, expired: false, nextSchedule: nil), hears: false)
            try await executor.commit(.suspend(number, due: Fixture.future))
            try await settles(Glance(ready: false, inbox: false, nextDue: Fixture.future, suspect: nil, expired: false, nextSchedule: nil))
        }
    }

    @Test(.enabled(if: StoreUnderTest.available.contains(.postgres)))
    func `a suspect is seen by those who can run it`() async throws {
        try await withStore(.postgres) { fixture in
            let number = try await fixture.ready()
            let rules = CrashRules(limit: 9, backoff: .seconds(60))
            for _ in 0..<2 {
                let doomed = try await fixture.executor(lease: .milliseconds(30))
                #expect(try await doomed.claimReady() == [number])
                try await fixture.reap(doomed)
                while try await fixture.backend.reap(ReapRules(limit: 9, crashes: rules)).more {}
            }
            let executor = try await fixture.executor()
            let due = try await fixture.status(number).due
            _ = try await executor.claimReady()
            #expect(try await executor.claimer.glance(.flow).suspect == Suspect(crashes: 2, due: try #require(due)))
            let stranger = Repertoire(workflows: ["other"], versions: [""])
            #expect(try await executor.claimer.glance(stranger).suspect == nil)
        }
    }
}
