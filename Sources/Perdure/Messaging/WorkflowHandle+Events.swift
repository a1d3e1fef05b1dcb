public import FoundationEssentials

/// What a workflow has published, as of one moment.
public struct PublishedEvents: Sendable {
    let core: ClientCore
    let records: [String: EventRecord]

    /// The keys that have a value, in order.
    public var names: [String] { records.keys.sorted() }

    /// The value of a key; nil if none was published.
    public func callAsFunction<Value>(_ key: EventKey<Value>) throws -> Value? {
        guard let record = records[key.name] else { return nil }
        return try core.coder.decode(Value.self, from: record.value, what: "event '\(key.name)'")
    }

    /// When the value of a key was published; nil if none was.
    public func published<Value>(_ key: EventKey<Value>) -> Date? {
        records[key.name].map { Date(timeIntervalSince1970: Double($0.published) / 1_000_000) }
    }
}

extension WorkflowHandle {
    /// The value that the workflow has published last under a key; nil if none.
    ///
    /// Also after it has ended.
    public func event<Value>(_ key: EventKey<Value>) async throws -> Value? { try await events()(key) }

    /// All that the workflow has published, as of one moment: values that belong together are seen together if they were published as one.
    public func events() async throws -> PublishedEvents {
        let records = try await core.store.events(of: number)
        return PublishedEvents(core: core, records: Dictionary(records.map { ($0.name, $0) }, uniquingKeysWith: { $1 }))
    }

    /// Waits until a value is published under a key, if none is yet; woken by push.
    ///
    /// - Parameters:
    ///   - key: Which.
    ///   - timeout: Not longer than this.
    ///   - condition: Waits for a value of which this is true.
    /// - Returns: nil if the time is up, or the workflow has ended without it.
    /// - Throws: ``WorkflowError/Code/closed`` if the client is closed meanwhile.
    public func awaitEvent<Value>(
        _ key: EventKey<Value>, timeout: Duration? = nil, where condition: @Sendable (Value) -> Bool = { _ in true }
    ) async throws -> Value? {
        let deadline = timeout.map { core.environment.clock.instant() + $0 }
        let found: Awaited<Value>? = try await core.publications.wait(on: number, until: deadline) {
            // First this: what it published last is there when it has ended.
            let hasEnded = try await core.hasEnded(number)
            if let value = try await event(key), condition(value) { return .value(value) }
            return hasEnded ? .nothing : nil
        }
        if case .value(let value) = found { return value }
        return nil
    }
}

private enum Awaited<Value> {
    case value(Value)
    case nothing
}

extension ClientCore {
    func hasEnded(_ number: WorkflowNumber) async throws -> Bool {
        for case .outcome in try await store.finalEndings(of: [number]) { return true }
        return false
    }
}
