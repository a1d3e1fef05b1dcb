#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
package import Perdure

/// What an in-memory store keeps; give one to several stores, and their engines and clients share it.
public final class MemoryDatabase: Sendable {
    let tables = Lock(Tables())
    private let listeners = Lock(Listeners())
    private let hook: Lock<FaultHook>
    private let now: @Sendable () -> Int64
    /// Where the writers' commits run; nil: a thread each.
    let executor: (any TaskExecutor)?
    let writers: Int
    let identity = String(UInt64.random(in: .min ... .max), radix: 16)

    /// An empty database that goes by the clock of the machine.
    public convenience init() { self.init(now: MemoryDatabase.machineTime) }

    /// An empty database with what tests and simulations replace.
    ///
    /// - Parameters:
    ///   - now: The database's clock, in microseconds since 1970.
    ///   - writers: How many writers it asks for.
    ///   - executor: Where writers run; without one, each has a thread of its own.
    ///   - faults: Consulted before and after each operation; see `MemoryOperation`.
    package init(
        now: @escaping @Sendable () -> Microseconds, writers: Int = 1, executor: (any TaskExecutor)? = nil, faults: MemoryFaults? = nil
    ) {
        self.now = now
        self.writers = writers
        self.executor = executor
        hook = Lock(FaultHook(faults: faults))
    }

    /// The faults that are injected; may be replaced at any time.
    package var faults: MemoryFaults? {
        get { hook.withLock { $0.faults } }
        set { hook.withLock { $0.faults = newValue } }
    }

    /// One transaction, between the two moments at which it may be made to fail.
    func perform<Result>(
        _ kind: MemoryOperation.Kind, by executor: ExecutorID? = nil, commands: [Command] = [],
        _ body: (inout Tables, _ now: Microseconds) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let faults = faults
        if let error = faults?(MemoryOperation(kind: kind, moment: .before, executor: executor, commands: commands)) { throw error }
        let time = now()
        let result = try tables.withLock { tables throws(StoreError) in try body(&tables, time) }
        if let error = faults?(MemoryOperation(kind: kind, moment: .after, executor: executor, commands: commands)) { throw error }
        return result
    }

    @Sendable private static func machineTime() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

// MARK: - Wake-ups

private struct Listeners: Sendable {
    var last = 0
    var receivers: [Int: @Sendable (Wakeup) -> Void] = [:]
}

extension MemoryDatabase {
    func listen(_ receive: @escaping @Sendable (Wakeup) -> Void) -> Int {
        listeners.withLock { listeners in
            listeners.last += 1
            listeners.receivers[listeners.last] = receive
            return listeners.last
        }
    }

    func stopListening(_ number: Int) {
        listeners.withLock { listeners in _ = listeners.receivers.removeValue(forKey: number) }
    }

    /// On the caller's thread, without a lock, to the listeners in the order in which they came.
    func notify(_ wakeups: [Wakeup]) {
        let receivers = listeners.withLock { $0.receivers }
        for (_, receive) in receivers.sorted(by: { $0.key < $1.key }) {
            for wakeup in wakeups { receive(wakeup) }
        }
    }
}
