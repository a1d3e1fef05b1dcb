internal import Dispatch
#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A signal by which an operating system, an orchestrator or a person asks a process to end.
public enum ShutdownSignal: Sendable, Hashable, CaseIterable {
    /// What orchestrators send.
    case sigterm
    /// What Ctrl-C sends.
    case sigint
    /// What Ctrl-\ sends.
    case sigquit

    fileprivate var number: Int32 {
        switch self {
        case .sigterm: SIGTERM
        case .sigint: SIGINT
        case .sigquit: SIGQUIT
        }
    }
}

/// Calls a closure with the first two signals; after them, or when it is cancelled, signals do again what they do by default.
///
/// On a queue of its own, for the global pool may be full of bodies that block. For the same reason the third signal is the system's: a
/// program whose pool is full cannot even return from `main`.
final class SignalWatch: Sendable {
    private struct State {
        var sources: [(signal: ShutdownSignal, source: any DispatchSourceSignal)] = []
        var received = 0
    }

    private let state = Lock(State())
    private let told: @Sendable () -> Void

    init(_ signals: [ShutdownSignal], _ told: @escaping @Sendable () -> Void) {
        self.told = told
        let queue = DispatchQueue(label: "perdure-signals")
        for asked in Set(signals) {
            // Otherwise the process would end at once.
            signal(asked.number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: asked.number, queue: queue)
            source.setEventHandler { [weak self] in self?.received() }
            source.resume()
            state.withLock { $0.sources.append((asked, source)) }
        }
    }

    private func received() {
        let wasLast = state.withLock { state in
            state.received += 1
            return state.received >= 2
        }
        if wasLast { cancel() }
        told()
    }

    func cancel() {
        let sources = state.withLock { state in
            defer { state.sources = [] }
            return state.sources
        }
        for entry in sources {
            entry.source.cancel()
            signal(entry.signal.number, SIG_DFL)
        }
    }
}
