internal import Perdure

/// Who listens in this process, and what waits to be sent.
///
/// One listening connection serves all.
final class WakeupHub: Sendable {
    private struct State {
        var receivers: [UInt64: @Sendable (Wakeup) -> Void] = [:]
        var nextReceiver: UInt64 = 0
        var listener: Listener?
        var outgoing: [Wakeup] = []
        var isSending = false
        var closed = false
        /// What serves the sessions by which this process sends: what it sends it knows.
        var own: [PostgresStore.Role: Int32] = [:]
    }

    private let state = Lock(State())
    private let settings: Session.Settings
    private let channel: String
    /// Nothing is sent and nothing heard.
    private let isSilent: Bool

    init(_ settings: Session.Settings, _ schema: SchemaName, isSilent: Bool = false) {
        self.isSilent = isSilent
        self.settings = settings
        channel = WakeupMessage.channel(schema)
    }

    /// Returns when the connection listens: what is sent from then on arrives.
    func subscribe(_ receive: @escaping @Sendable (Wakeup) -> Void) async throws(StoreError) -> any WakeupSubscription {
        let (id, listener, mustStart): (UInt64, Listener?, Bool) = state.withLock { state in
            if state.closed { return (0, nil, false) }
            state.nextReceiver += 1
            state.receivers[state.nextReceiver] = receive
            if let listener = state.listener { return (state.nextReceiver, listener, false) }
            let listener = Listener(settings, channel: channel, isSilent: isSilent) { [weak self] in self?.receive($0, from: $1) }
            state.listener = listener
            return (state.nextReceiver, listener, true)
        }
        guard let listener else { throw StoreError(.unavailable, "the store is closed") }
        if mustStart { listener.start() }
        do throws(StoreError) {
            try await listener.listening()
        } catch {
            await unsubscribe(id)
            throw error
        }
        return Subscription(hub: self, id: id)
    }

    fileprivate func unsubscribe(_ id: UInt64) async {
        let idle: Listener? = state.withLock { state in
            state.receivers[id] = nil
            guard state.receivers.isEmpty else { return nil }
            defer { state.listener = nil }
            return state.listener
        }
        await idle?.stop()
    }

    private func receive(_ payload: String, from sender: Int32) {
        let (receivers, isOwn) = state.withLock { (Array($0.receivers.values), $0.own.values.contains(sender)) }
        if isOwn { return }
        let wakeup = WakeupMessage.wakeup(payload)
        for receiver in receivers { receiver(wakeup) }
    }

    /// Those who listen here hear at once what this process sends, and not again when it comes back.
    func tell(_ wakeups: [Wakeup]) {
        if isSilent { return }
        let receivers = state.withLock { Array($0.receivers.values) }
        for receiver in receivers {
            for wakeup in wakeups { receiver(wakeup) }
        }
    }

    /// Before a session sends.
    func sends(_ role: PostgresStore.Role, as backend: Int32) { state.withLock { $0.own[role] = backend } }

    /// nil: nothing is to be sent.
    func announcement(_ wakeups: [Wakeup]) throws(StoreError) -> [Request]? {
        if isSilent { return nil }
        // Losing one costs latency only, so nobody waits for the disk. NOTIFY takes a lock on the whole database at its commit.
        return [
            Request(.begin), Request(Statement("perdure_no_wait", "SET LOCAL synchronous_commit = off")),
            Request(
                Statement("perdure_notify", "SELECT pg_notify($1::text, p) FROM unnest($2::text[]) p"),
                [try .text(channel), try .texts(WakeupMessage.payloads(wakeups))]),
            Request(.commit),
        ]
    }

    /// True if the caller is now the one who sends.
    func enqueue(_ hints: [Wakeup]) -> Bool {
        if isSilent { return false }
        return state.withLock { state in
            state.outgoing += hints
            if state.isSending { return false }
            state.isSending = true
            return true
        }
    }

    /// All that waits, at once; nil ends the sending.
    func takeOutgoing() -> [Wakeup]? {
        state.withLock { state in
            if state.outgoing.isEmpty {
                state.isSending = false
                return nil
            }
            defer { state.outgoing = [] }
            return state.outgoing
        }
    }

    func close() async {
        let listener: Listener? = state.withLock { state in
            state.closed = true
            state.receivers = [:]
            defer { state.listener = nil }
            return state.listener
        }
        await listener?.stop()
    }

    private struct Subscription: WakeupSubscription {
        let hub: WakeupHub
        let id: UInt64

        func cancel() async { await hub.unsubscribe(id) }
    }
}
