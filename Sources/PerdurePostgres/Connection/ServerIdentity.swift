internal import Perdure

/// Which server a connection ended up at, and how far its log had come.
struct ServerIdentity: Sendable, Equatable {
    /// The cluster, from its creation on; nil where the provider does not tell.
    var system: Int64?
    /// The history of the cluster: a promotion begins a new one; nil where the provider does not tell.
    var timeline: String?
    /// When the server process began, in microseconds.
    var boot: Int64
    /// A crash takes what was confirmed last: `synchronous_commit` is off.
    ///
    /// Then every restart counts: when others have written since, the log is as long as before and says nothing.
    var forgets = false
    /// The end of the write-ahead log, in bytes; nil where the provider does not tell.
    var position: Int64?

    /// Why what was written through `self` may not be there on `other`; nil if it is.
    func difference(to other: ServerIdentity, acknowledged: Int64) -> String? {
        if system != other.system { return "it is another cluster" }
        if timeline != other.timeline { return "another server was promoted" }
        if boot != other.boot {
            if timeline == nil { return "the server was restarted, and does not tell its timeline" }
            if forgets || other.forgets { return "the server was restarted, and forgets in a crash what it had confirmed" }
        }
        if let position = other.position, position < acknowledged { return "its log ends before what it had acknowledged" }
        return nil
    }
}

/// What executors of this process were registered with, to notice after a reconnection that the database went back in time.
final class ExecutorRegistry: Sendable {
    private struct Entry {
        var identity: ServerIdentity
        var acknowledged: Int64
    }

    private let entries = Lock<[ExecutorID: Entry]>([:])

    func insert(_ executor: ExecutorID, _ identity: ServerIdentity) {
        entries.withLock { $0[executor] = Entry(identity: identity, acknowledged: identity.position ?? 0) }
    }

    func remove(_ executor: ExecutorID) {
        _ = entries.withLock { $0.removeValue(forKey: executor) }
    }

    /// What a fence returned: everything up to there will be durable when its commit is.
    func acknowledge(_ executor: ExecutorID, _ position: Int64) {
        entries.withLock { entries in
            guard let known = entries[executor]?.acknowledged, known < position else { return }
            entries[executor]?.acknowledged = position
        }
    }

    /// How far the server had confirmed the executor's writes.
    ///
    /// Asked *before* the server is asked for the end of its log: other connections go
    /// on meanwhile, and a mark that is newer than the answer would accuse a healthy server.
    func acknowledged(_ executor: ExecutorID) -> Int64 { entries.withLock { $0[executor]?.acknowledged ?? 0 } }

    /// Ends the incarnation if the server is not the one that it was registered with, or has lost what it acknowledged.
    func check(_ executor: ExecutorID, _ identity: ServerIdentity, acknowledged: Int64) throws(StoreError) {
        let difference = entries.withLock { entries in
            entries[executor].flatMap { $0.identity.difference(to: identity, acknowledged: acknowledged) }
        }
        if let difference {
            throw StoreError(
                .fenced, "after a reconnection the database is not the one that this executor was registered in: \(difference)")
        }
    }
}
