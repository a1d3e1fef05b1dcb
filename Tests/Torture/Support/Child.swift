import Foundation
import Perdure

/// A process that is ours to stop, to freeze and to kill.
///
/// Not Foundation's: that one takes a program for alive as long as a server that it started is.
final class Child: Sendable {
    let pid: Int32
    /// The other end of its standard input.
    private let input: Int32
    private let state = Lock((isRunning: true, isOpen: true, status: Int32(0)))
    private let ended = Happening()

    struct NotStarted: Error {
        let command: [String]
        let code: Int32
    }

    /// All that have not ended, so that none outlives this process.
    private static let alive = Lock<[Int32: Child]>([:])

    /// - Parameter output: The file into which it writes.
    init(_ command: [String], output: String, environment: [String: String] = [:]) throws {
        let log = unsafe open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        let all = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        var (ends, pid): ([Int32], Int32) = ([-1, -1], 0)
        // One at a time: a child that got the other end of its sibling's input would keep it open.
        let code = Self.alive.withLock { _ in
            guard log >= 0, unsafe Glibc.pipe(&ends) == 0 else { return errno }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return Self.spawn(&pid, command, all.map { "\($0)=\($1)" }, input: ends[0], output: log)
        }
        let pipe = ends
        defer { for descriptor in [log, pipe[0]] { close(descriptor) } }
        guard code == 0 else {
            close(pipe[1])
            throw NotStarted(command: command, code: code)
        }
        self.pid = pid
        input = pipe[1]
        Self.alive.withLock { $0[pid] = self }
        Thread.detachNewThread { self.await() }
    }

    deinit { closeInput() }

    private static func spawn(_ pid: inout Int32, _ command: [String], _ environment: [String], input: Int32, output: Int32) -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 2)
        // The thread that spawns may be one of a pool, on which every signal is blocked, and this process ignores some.
        var (attributes, none, all) = (posix_spawnattr_t(), sigset_t(), sigset_t())
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        // Servers run as somebody else, who may not enter the folder that we are in.
        let arguments = unsafe (["env", "-C", "/"] + command).map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        let texts = unsafe arguments + variables
        defer { for index in unsafe texts.indices { unsafe free(texts[index]) } }
        return unsafe posix_spawnp(&pid, "env", &actions, &attributes, arguments, variables)
    }

    /// On a thread of its own, until it has ended.
    private func await() {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        state.withLock { ($0.isRunning, $0.status) = (false, status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)) }
        _ = Self.alive.withLock { $0.removeValue(forKey: pid) }
        closeInput()
        ended.raise()
    }

    /// Kills what is left.
    static func killAll() {
        for child in alive.withLock({ Array($0.values) }) { child.send(SIGKILL) }
    }

    var isRunning: Bool { state.withLock { $0.isRunning } }

    func send(_ signal: Int32) { state.withLock { if $0.isRunning { kill(pid, signal) } } }

    /// The end of its input, which asks a worker to hand back what it has and to end.
    func closeInput() {
        let wasOpen = state.withLock { state in
            defer { state.isOpen = false }
            return state.isOpen
        }
        if wasOpen { close(input) }
    }

    /// Waits for its end; negative is the number of the signal that ended it.
    @discardableResult
    func exit() async -> Int32 {
        await ended.wait()
        return state.withLock { $0.status }
    }

    func killAtOnce() async {
        send(SIGKILL)
        await exit()
    }
}
