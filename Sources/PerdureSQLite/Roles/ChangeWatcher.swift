internal import Dispatch
package import Perdure

/// Notices that another process, or another opener in this one, has written to the file.
///
/// SQLite sends nobody a notification, but every connection can tell for two system calls whether the file was changed since it last
/// looked (`PRAGMA data_version`). A thread with a connection of its own does that while somebody listens. Most changes are this store's own, and
/// they are told apart by asking the writing connection the same: it does not count what it has written itself.
final class ChangeWatcher: Sendable {
    private struct State {
        var running = false
        var listeners: [UInt64: @Sendable (Wakeup) -> Void] = [:]
        var next: UInt64 = 0
        var stopped = false
    }

    private let state = Lock(State())
    private let wake = DispatchSemaphore(value: 0)
    private let interval: Duration
    private let connect: @Sendable () throws(StoreError) -> Connection

    init(interval: Duration, connect: @escaping @Sendable () throws(StoreError) -> Connection) {
        self.interval = interval
        self.connect = connect
    }

    /// Adds a listener.
    ///
    /// The thread runs from the first to the last of them.
    func add(_ receive: @escaping @Sendable (Wakeup) -> Void, writer: WriteConnection) throws(StoreError) -> UInt64 {
        let (identifier, mustStart) = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = receive
            defer { state.running = true }
            return (state.next, !state.running)
        }
        guard mustStart else { return identifier }
        do {
            let connection = try connect()
            startThread(name: "perdure-sql-c") { self.loop(connection, writer) }
            return identifier
        } catch {
            state.withLock { state in
                state.listeners[identifier] = nil
                state.running = false
            }
            throw error
        }
    }

    func remove(_ identifier: UInt64) {
        state.withLock { $0.listeners[identifier] = nil }
    }

    func stop() {
        state.withLock { state in
            state.stopped = true
            state.listeners = [:]
        }
        wake.signal()
    }

    /// The file has been changed by somebody else.
    func report() {
        let listeners = state.withLock { Array($0.listeners.values) }
        for receive in listeners { receive(.everything) }
    }

    private func loop(_ connection: Connection, _ writer: WriteConnection) {
        let short = DispatchTimeInterval.microseconds(Int(interval.microseconds))
        let long = DispatchTimeInterval.microseconds(Int(interval.microseconds * 2))
        var undecided = false
        var quiet = 0
        while goOn() {
            _ = wake.wait(timeout: .now() + (quiet < 40 ? short : long))
            quiet += 1
            if (try? connection.othersHaveWritten()) == true {
                undecided = true
                quiet = 0
            }
            // While somebody writes, the writing connection finds out by itself when it begins.
            guard undecided, writer.gate.tryAcquire() else { continue }
            undecided = false
            let foreign = !writer.connection.isClosed && (try? writer.connection.othersHaveWritten()) == true
            writer.gate.release()
            if foreign { report() }
        }
        connection.close()
    }

    private func goOn() -> Bool {
        state.withLock { state in
            if !state.stopped, !state.listeners.isEmpty { return true }
            state.running = false
            return false
        }
    }
}

extension SQLiteStore {
    package func listen(_ receive: @escaping @Sendable (Wakeup) -> Void) async throws(StoreError) -> any WakeupSubscription {
        // Opens a connection, so on a thread that may block.
        let watched = try await reader.perform { [watcher, writer] () throws(StoreError) in try watcher.add(receive, writer: writer) }
        return SQLiteSubscription(self, heard: file.listen(receive), watched: watched)
    }

    package func notify(_ wakeups: [Wakeup]) async {
        // In this process directly; other processes see that the file has changed.
        file.notify(wakeups)
    }
}

private final class SQLiteSubscription: WakeupSubscription {
    private let store: SQLiteStore
    private let heard: UInt64
    private let watched: UInt64

    init(_ store: SQLiteStore, heard: UInt64, watched: UInt64) {
        self.store = store
        self.heard = heard
        self.watched = watched
    }

    func cancel() async {
        store.file.forget(heard)
        store.watcher.remove(watched)
    }
}
