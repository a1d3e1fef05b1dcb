import Foundation

/// A worker as the supervisor sees it: a process that can be killed.
final class WorkerProcess {
    private let process = Process()
    private let input = Pipe()
    private let ended: AsyncStream<Void>

    /// Starts this same executable as a worker.
    init(_ settings: Settings) throws {
        process.executableURL = Bundle.main.executableURL
        process.arguments = ["worker", "--database", settings.database.address, "--payments", settings.paymentLog]
        process.standardInput = input
        process.standardError = try settings.openWorkerLog()
        let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
        self.ended = ended
        process.terminationHandler = { _ in continuation.finish() }
        try process.run()
    }

    /// As `kill -9`: no handler, no clean-up, no last word.
    func killAtOnce() async {
        kill(process.processIdentifier, SIGKILL)
        await exit()
    }

    /// Asks it to stop, by the end of its input: it hands back what it has.
    func end() async {
        try? input.fileHandleForWriting.close()
        await exit()
    }

    private func exit() async { for await _ in ended {} }
}
