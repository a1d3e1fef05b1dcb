internal import Foundation
internal import Perdure
internal import Testing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Stands before the server, and can fall silent: it takes what comes, acknowledges it, and says nothing, as a server that hangs does.
///
/// What was connected then stays silent for ever.
final class SilentProxy: Sendable {
    private struct State {
        var isSilent = false
        var isOver = false
        /// Raised with each silence: connections of an earlier one are dead.
        var generation = 0
        var threads = 0
    }

    let port: UInt16
    private let listener: Int32
    private let target: UInt16
    private let state = Lock(State())

    init(before target: UInt16) throws {
        self.target = target
        listener = try Self.open()
        port = Self.bound(listener)
        run { $0.accept() }
    }

    /// Through it, to the same database.
    static func url(_ proxy: SilentProxy) throws -> String {
        let url = try #require(Server.url)
        var parts = try #require(URLComponents(string: url))
        (parts.host, parts.port) = ("127.0.0.1", Int(proxy.port))
        parts.query = "sslmode=disable&gssencmode=disable"
        return try #require(parts.string)
    }

    /// The port of the server, if it is one that a proxy can stand before.
    static var target: UInt16? {
        guard let url = Server.url, let parts = URLComponents(string: url), ["127.0.0.1", "localhost"].contains(parts.host) else {
            return nil
        }
        return UInt16(parts.port ?? 5432)
    }

    static let isPossible: ConditionTrait = .enabled(if: target != nil, "needs a server at a port of this machine")

    func fallSilent() {
        state.withLock { state in
            state.isSilent = true
            state.generation += 1
        }
    }

    func speak() { state.withLock { $0.isSilent = false } }

    func close() async throws {
        state.withLock { $0.isOver = true }
        try await eventually("the proxy has ended") { state.withLock { $0.threads == 0 } }
        _ = Glibc.close(listener)
    }

    private func run(_ body: @escaping @Sendable (SilentProxy) -> Void) {
        state.withLock { $0.threads += 1 }
        Thread.detachNewThread {
            body(self)
            self.state.withLock { $0.threads -= 1 }
        }
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    private func accept() {
        while !isOver {
            guard Self.isReadable(listener) else { continue }
            let client = Glibc.accept(listener, nil, nil)
            if client >= 0 { run { $0.serve(client) } }
        }
    }

    private func serve(_ client: Int32) {
        let generation = state.withLock { $0.generation }
        let server = Self.connect(target)
        defer { for socket in [client, server] where socket >= 0 { _ = Glibc.close(socket) } }
        guard server >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !isOver {
            let isDead = state.withLock { $0.isSilent || $0.generation != generation }
            for (from, to) in [(client, server), (server, client)] where Self.isReadable(from, wait: 5) {
                let count = unsafe recv(from, &buffer, buffer.count, 0)
                if count <= 0 { return }
                if !isDead { _ = unsafe send(to, buffer, count, Int32(MSG_NOSIGNAL)) }
            }
        }
    }

    private static func isReadable(_ socket: Int32, wait: Int32 = 50) -> Bool {
        var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&watched, 1, wait) > 0
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func open() throws -> Int32 {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = address(0)
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 64) == 0)
        return listener
    }

    private static func bound(_ listener: Int32) -> UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(listener, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func connect(_ port: UInt16) -> Int32 {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = address(port)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(made, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status == 0 { return made }
        _ = Glibc.close(made)
        return -1
    }
}
