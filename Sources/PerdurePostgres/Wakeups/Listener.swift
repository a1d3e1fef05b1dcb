internal import CLibPQ
internal import Perdure

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A connection that waits for notifications on a thread of its own, and for a byte in a pipe that ends it.
final class Listener: Sendable {
    private enum Phase {
        case starting([CheckedContinuation<StoreError?, Never>])
        case listening
        case ended(StoreError?)
    }

    private struct State {
        var phase = Phase.starting([])
        var stopped = false
        var whenOver: [CheckedContinuation<Void, Never>] = []
        var isOver = false
    }

    private let state = Lock(State())
    private let settings: Session.Settings
    private let channel: String
    private let isSilent: Bool
    /// The payload, and the process of the server that serves its sender.
    private let receive: @Sendable (_ payload: String, _ sender: Int32) -> Void
    /// Readable at its first end when the thread is to look at `stopped`.
    private let pipe: (read: Int32, write: Int32)

    init(_ settings: Session.Settings, channel: String, isSilent: Bool = false, receive: @escaping @Sendable (String, Int32) -> Void) {
        self.settings = settings
        self.channel = channel
        self.isSilent = isSilent
        self.receive = receive
        var ends: [Int32] = [-1, -1]
        let made = unsafe Glibc.pipe(&ends)
        precondition(made == 0, "no pipe could be made (errno \(errno)): raise the limit of open files (ulimit -n)")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        pipe = (ends[0], ends[1])
    }

    deinit {
        _ = close(pipe.read)
        _ = close(pipe.write)
    }

    func start() {
        startThread(name: "perdure-listen") {
            self.loop()
            let waiting = self.state.withLock { state in
                state.isOver = true
                defer { state.whenOver = [] }
                return state.whenOver
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    /// Waits until the first connection listens, or fails.
    func listening() async throws(StoreError) {
        let error: StoreError? = await withCheckedContinuation { continuation in
            let known: StoreError?? = state.withLock { state in
                switch state.phase {
                case .listening: return .some(nil)
                case .ended(let error): return .some(error ?? StoreError(.unavailable, "the store is closed"))
                case .starting(let waiting):
                    state.phase = .starting(waiting + [continuation])
                    return nil
                }
            }
            if let known { continuation.resume(returning: known) }
        }
        if let error { throw error }
    }

    /// Returns when nothing more will be received.
    func stop() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                state.stopped = true
                if !state.isOver { state.whenOver.append(continuation) }
                return state.isOver
            }
            var byte: UInt8 = 1
            _ = unsafe write(pipe.write, &byte, 1)
            if isOver { continuation.resume() }
        }
    }

    private var isStopped: Bool { state.withLock { $0.stopped } }

    private func enter(_ phase: Phase) {
        let (waiting, error): ([CheckedContinuation<StoreError?, Never>], StoreError?) = state.withLock { state in
            guard case .starting(let waiting) = state.phase else { return ([], nil) }
            state.phase = phase
            if case .ended(let error) = phase { return (waiting, error ?? StoreError(.unavailable, "the store is closed")) }
            return (waiting, nil)
        }
        for continuation in waiting { continuation.resume(returning: error) }
    }

    private func loop() {
        let session = Session(settings)
        var failures = 0
        var isFirst = true
        if isSilent { return enter(.listening) }
        while !isStopped {
            do throws(StoreError) {
                try session.ready()
                if session.isPooled {
                    settings.log(.info, "a pooler stands before Postgres: wake-ups of other processes are not heard, and come by the poll")
                    session.disconnect()
                    return enter(.listening)
                }
                try session.simple("LISTEN \(SchemaName.quote(channel))")
                failures = 0
                if !isFirst { receive("*", 0) }
                isFirst = false
                enter(.listening)
                try wait(session)
            } catch {
                // Who asked for it is told of the first failure; later ones are mended here.
                if isFirst { return enter(.ended(error)) }
                settings.log(.warning, "wake-ups are not heard until Postgres can be reached again: \(error.message)")
                failures += 1
                pause(after: failures)
            }
        }
        session.disconnect()
        enter(.ended(nil))
    }

    /// Hands on what arrives, until it is stopped or the connection is lost.
    private func wait(_ session: Session) throws(StoreError) {
        while !isStopped {
            try session.takeNotifications { payload, sender in receive(payload, sender) }
            var watched = [
                pollfd(fd: session.socket, events: Int16(POLLIN), revents: 0), pollfd(fd: pipe.read, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&watched, 2, -1)
        }
    }

    /// A sleep that a stop ends.
    private func pause(after failures: Int) {
        var watched = pollfd(fd: pipe.read, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&watched, 1, Int32(Session.pause(after: failures) / 1000))
    }
}

extension Session {
    /// Reads what has come, without waiting.
    func takeNotifications(_ body: (String, Int32) -> Void) throws(StoreError) {
        guard unsafe PQconsumeInput(raw) == 1 else { throw lost() }
        while let notification = unsafe PQnotifies(raw) {
            let payload = unsafe String(cString: notification.pointee.extra)
            let sender = unsafe notification.pointee.be_pid
            unsafe PQfreemem(notification)
            body(payload, sender)
        }
    }

    /// The process of the server that serves this session.
    var backend: Int32 { unsafe PQbackendPID(raw) }
}
