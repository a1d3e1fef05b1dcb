package import Perdure

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What can be set about a store; all but the first two for tests.
package struct SQLiteOptions: Sendable {
    /// The longest time between the first statement and the commit of a user's transaction.
    package var transactionLimit: Duration
    /// How long to wait for another process that writes.
    package var busyTimeout: Duration
    /// How often to look whether another process has written, while somebody listens and something happens; when it is quiet, half as often.
    package var watchInterval: Duration = .milliseconds(25)
    /// A full disk for tests: the file may not grow beyond so many pages.
    package var maxPageCount: Int?
    /// The number of the file system that a directory is on; nil if it cannot be told.
    package var fileSystemType: @Sendable (_ directory: String) -> UInt32? = FileSystem.type(of:)
    /// The system's real-time clock, which leases and workflow numbers come from.
    package var clock: @Sendable () -> Microseconds = { systemMicroseconds() }

    package init(transactionLimit: Duration = .seconds(3), busyTimeout: Duration = .seconds(5)) {
        self.transactionLimit = transactionLimit
        self.busyTimeout = busyTimeout
    }
}

private func systemMicroseconds() -> Microseconds {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}
