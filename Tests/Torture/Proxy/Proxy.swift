import Foundation
import Perdure

/// Stands between processes and a server, and lets a switchboard decide what passes.
final class Proxy: Sendable {
    var port: Int { listening.port }
    private let listening: Listening
    private let upstream: Int
    private let board = Lock(Switchboard())
    private let closed = Lock(false)

    init(to upstream: Int) throws {
        listening = try Listening()
        self.upstream = upstream
        Thread.detachNewThread { self.accept() }
    }

    /// Connections that are made from now on belong to this switchboard.
    func use(_ board: Switchboard) { self.board.withLock { $0 = board } }

    func close() {
        closed.withLock { $0 = true }
        // Wakes the thread that accepts.
        Glibc.close(Listening.connect(to: port))
    }

    private func accept() {
        while true {
            let client = listening.accept()
            if closed.withLock({ $0 }) || client < 0 { break }
            let server = Listening.connect(to: upstream)
            guard server >= 0 else {
                Glibc.close(client)
                continue
            }
            let board = board.withLock { $0 }
            Thread.detachNewThread { Link(client: client, server: server, board: board).run() }
        }
        Glibc.close(listening.descriptor)
    }
}
