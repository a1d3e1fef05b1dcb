internal import Perdure

/// What the openers of one file in this process have in common: the order of their writers, and who listens.
final class SharedFile: Sendable {
    let gate = WriteGate()
    private let listeners = Lock<[UInt64: @Sendable (Wakeup) -> Void]>([:])
    private let identifiers = Lock<UInt64>(0)

    private static let open = Lock<[FileIdentity: Entry]>([:])

    private struct Entry {
        weak var file: SharedFile?
    }

    /// The same object for everyone who opens the same file.
    static func of(_ path: String) -> SharedFile {
        guard let identity = FileSystem.identity(of: path) else { return SharedFile() }
        return open.withLock { files in
            if let file = files[identity]?.file { return file }
            files = files.filter { $0.value.file != nil }
            let file = SharedFile()
            files[identity] = Entry(file: file)
            return file
        }
    }

    func listen(_ receive: @escaping @Sendable (Wakeup) -> Void) -> UInt64 {
        let identifier = identifiers.withLock { next in
            next += 1
            return next
        }
        listeners.withLock { $0[identifier] = receive }
        return identifier
    }

    func forget(_ identifier: UInt64) { listeners.withLock { $0[identifier] = nil } }

    func notify(_ wakeups: [Wakeup]) {
        let receivers = listeners.withLock { Array($0.values) }
        for receive in receivers {
            for wakeup in wakeups { receive(wakeup) }
        }
    }
}
