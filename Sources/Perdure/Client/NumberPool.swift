/// Hands out workflow numbers from blocks of the database's.
package final class NumberPool: Sendable {
    private struct State {
        var next: WorkflowNumber = 0
        var end: WorkflowNumber = 0
        var expires: Instant?
        var isFetching = false
        var waiters: [Parked<Void>] = []
    }

    private let state = Lock(State())
    private let store: any StoreBackend
    private let clock: any EngineClock

    init(store: any StoreBackend, clock: any EngineClock) {
        self.store = store
        self.clock = clock
    }

    /// A number, if one is at hand.
    ///
    /// A block that is older than ten seconds is dropped: numbers are ordered by time.
    func atHand() -> WorkflowNumber? {
        atHand(1)
    }

    /// The first of so many numbers that follow each other, if they are at hand.
    func atHand(_ count: Int) -> WorkflowNumber? {
        let time = clock.instant()
        return state.withLock { state in
            guard state.next + WorkflowNumber(count) <= state.end, let expires = state.expires, time < expires else { return nil }
            defer { state.next += WorkflowNumber(count) }
            return state.next
        }
    }

    package func next() async throws(StoreError) -> WorkflowNumber { try await next(1) }

    /// A number behind this one: a block that was fetched before it was given out is dropped.
    func next(after number: WorkflowNumber) async throws(StoreError) -> WorkflowNumber {
        let next = try await next()
        if next > number { return next }
        state.withLock { $0.expires = nil }
        return try await self.next()
    }

    /// The first of so many that follow each other: no more than a block has.
    ///
    /// What is left of the block before is dropped.
    func next(_ count: Int) async throws(StoreError) -> WorkflowNumber {
        while true {
            if let number = atHand(count) { return number }
            if try await !waitForOther() { try await fetch() }
        }
    }

    /// One fetches, the others wait for it; false if this one is to fetch.
    private func waitForOther() async throws(StoreError) -> Bool {
        let mustFetch = state.withLock { state in
            defer { state.isFetching = true }
            return !state.isFetching
        }
        if mustFetch { return false }
        await park { (parked: Parked<Void>) in
            let isOver = state.withLock { state in
                if state.isFetching { state.waiters.append(parked) }
                return !state.isFetching
            }
            if isOver { parked.resume() }
        }
        return true
    }

    private func fetch() async throws(StoreError) {
        defer {
            let waiters = state.withLock { state in
                state.isFetching = false
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }
        let expires = clock.instant() + .seconds(10)
        let block = try await store.numberBlock()
        state.withLock { state in
            state.next = block.first
            state.end = block.first + WorkflowNumber(block.count)
            state.expires = expires
        }
    }
}
