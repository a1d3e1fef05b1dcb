internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct WakeupTests {
    @Test(arguments: StoreUnderTest.audible)
    func `a hint reaches those who listen, here and elsewhere`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (here, there) = (fixture.backend, try await fixture.open())
            let sent: [Wakeup] = [.ready, .inbox, .ended([1, 2, 3])]
            let (own, other) = (try await Ear(here), try await Ear(there))
            await here.notify(sent)
            for ear in [own, other] {
                let heard = try await ear.next(until: { Set(sent.flatMap(\.parts)).isSubset(of: $0) })
                #expect(heard.isSuperset(of: sent.flatMap(\.parts)))
            }
            await there.notify([.ended([9])])
            for ear in [own, other] { _ = try await ear.next(until: { $0.contains(.ended([9])) }) }
            await own.subscription.cancel()
            await other.subscription.cancel()
        }
    }

    @Test(arguments: StoreUnderTest.audible)
    func `who has cancelled hears no more`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let other = try await fixture.open()
            let (gone, here) = (try await Ear(fixture.backend), try await Ear(fixture.backend))
            await gone.subscription.cancel()
            await other.notify([.ended([7])])
            _ = try await here.next(until: { $0.contains(.ended([7])) })
            #expect(!gone.heard.contains(.ended([7])))
            await here.subscription.cancel()
        }
    }

    @Test(arguments: StoreUnderTest.audible)
    func `many endings at once all arrive`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let other = try await fixture.open()
            let ear = try await Ear(other)
            // More than fit into one notification of Postgres (8,000 bytes).
            let numbers = (0..<2000).map { WorkflowNumber.max - WorkflowNumber($0) }
            await fixture.backend.notify([.ended(numbers)])
            _ = try await ear.next(until: { heard in
                heard.contains(.everything) || heard.isSuperset(of: Wakeup.ended(numbers).parts)
            })
            await ear.subscription.cancel()
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `nobody need listen`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            await fixture.backend.notify([.ready])
            await fixture.backend.notify([])
        }
    }
}

extension Wakeup {
    /// Hints may be put together or taken apart on the way.
    fileprivate var parts: Set<Wakeup> {
        if case .ended(let numbers) = self { Set(numbers.map { .ended([$0]) }) } else { [self] }
    }
}

/// Listens, and lets a test wait for what it has heard.
private final class Ear: Sendable {
    let subscription: any WakeupSubscription
    private let all: Heard
    private let changes: AsyncStream<Void>

    private final class Heard: Sendable {
        let hints = Lock<Set<Wakeup>>([])
    }

    init(_ backend: any StoreBackend) async throws {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .unbounded)
        let all = Heard()
        self.all = all
        changes = stream
        subscription = try await backend.listen { wakeup in
            all.hints.withLock { $0.formUnion(wakeup.parts) }
            continuation.yield()
        }
    }

    var heard: Set<Wakeup> { all.hints.withLock { $0 } }

    func next(until isEnough: @escaping @Sendable (Set<Wakeup>) -> Bool) async throws -> Set<Wakeup> {
        try await within(.seconds(5), "a wake-up") { [changes, all] in
            if isEnough(all.hints.withLock { $0 }) { return all.hints.withLock { $0 } }
            for await _ in changes where isEnough(all.hints.withLock { $0 }) { break }
            return all.hints.withLock { $0 }
        }
    }
}
