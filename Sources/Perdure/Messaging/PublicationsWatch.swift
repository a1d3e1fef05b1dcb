/// Has those look again who wait for what a workflow publishes, appends or replies, or for its end: at each push, and at each poll behind it.
package final class PublicationsWatch: Sendable {
    fileprivate struct State {
        var waiters: [WorkflowNumber: [UInt64: Signal]] = [:]
        var nextID: UInt64 = 0
        var isListening = false
        var isClosed = false
    }

    private let state = Lock(State())
    private let subscription = Lock<(any WakeupSubscription)?>(nil)
    private let store: any StoreBackend
    private let clock: any EngineClock

    init(store: any StoreBackend, clock: any EngineClock) {
        self.store = store
        self.clock = clock
    }

    /// Asks until there is an answer.
    ///
    /// - Parameters:
    ///   - number: Whose publications may be the answer.
    ///   - deadline: After it there is one last look.
    /// - Returns: nil if the time was up.
    /// - Throws: ``WorkflowError/Code/closed`` if the client is closed meanwhile: that is no end of anything.
    func wait<Found>(on number: WorkflowNumber, until deadline: Instant? = nil, _ look: () async throws -> Found?) async throws -> Found? {
        do {
            return try await ask(number, deadline, look)
        } catch let error as StoreError where error.code == .unavailable && state.withLock({ $0.isClosed }) {
            // It was just looking.
            throw Self.closed
        }
    }

    private static let closed = WorkflowError(
        .closed, "the client, or its engine, was closed while this was awaited: ask another one")

    private func ask<Found>(_ number: WorkflowNumber, _ deadline: Instant?, _ look: () async throws -> Found?) async throws -> Found? {
        let signal = Signal()
        var watched = [(number, state.withLock { $0.add(number, signal) })]
        defer {
            state.withLock { state in
                for (number, id) in watched { state.remove(number, id) }
            }
        }
        await listen()
        while true {
            let isLast = deadline.map { $0 <= clock.instant() } ?? false
            if let found = try await look() { return found }
            if isLast { return nil }
            if state.withLock({ $0.isClosed }) { throw Self.closed }
            if watched.count == 1 {
                // What is published by the runs of a chain is told of the first of them.
                let first = try await store.firstRun(of: number)
                watched.append((first, state.withLock { $0.add(first, signal) }))
                if first != number { continue }
            }
            let poll = clock.instant() + store.pollInterval
            await withTaskCancellationHandler {
                await signal.wait(until: deadline.map { min($0, poll) } ?? poll, clock: clock)
            } onCancel: {
                signal.raise()
            }
            try Task.checkCancellation()
        }
    }

    /// It has published, or has ended.
    func changed(_ number: WorkflowNumber) {
        // As nearly always.
        if state.withLock({ $0.waiters.isEmpty }) { return }
        hint(.published([number]))
    }

    func hint(_ wakeup: Wakeup) {
        let signals = state.withLock { state in
            switch wakeup {
            case .published(let numbers), .ended(let numbers): numbers.flatMap { state.waiters[$0].map { Array($0.values) } ?? [] }
            case .everything: state.waiters.values.flatMap { Array($0.values) }
            case .ready, .freed, .inbox, .settings: [Signal]()
            }
        }
        for signal in signals { signal.raise() }
    }

    private func listen() async {
        let isFirst = state.withLock { state in
            defer { state.isListening = true }
            return !state.isListening
        }
        guard isFirst else { return }
        let subscription = try? await store.listen { [weak self] in self?.hint($0) }
        // The poll is the net.
        if subscription == nil { state.withLock { $0.isListening = false } }
        self.subscription.withLock { $0 = subscription }
        // Closed meanwhile: whoever closed it has found none.
        if state.withLock({ $0.isClosed }) { await cancelSubscription() }
        // Others did not wait for this: what was pushed since they have looked was heard by nobody.
        hint(.everything)
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        hint(.everything)
        await cancelSubscription()
    }

    private func cancelSubscription() async {
        let subscription = subscription.withLock { subscription in
            defer { subscription = nil }
            return subscription
        }
        await subscription?.cancel()
    }
}

extension PublicationsWatch {
    /// How many wait.
    package var waiting: Int { state.withLock { state in Set(state.waiters.values.flatMap(\.values).map(ObjectIdentifier.init)).count } }
}

extension PublicationsWatch.State {
    fileprivate mutating func add(_ number: WorkflowNumber, _ signal: Signal) -> UInt64 {
        nextID += 1
        waiters[number, default: [:]][nextID] = signal
        return nextID
    }

    fileprivate mutating func remove(_ number: WorkflowNumber, _ id: UInt64) {
        waiters[number]?[id] = nil
        if waiters[number]?.isEmpty == true { waiters[number] = nil }
    }
}
