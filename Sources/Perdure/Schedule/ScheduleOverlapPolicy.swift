/// What happens when a schedule is to fire while a run that it started is still open; the names and meanings are Temporal's.
public enum ScheduleOverlapPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// The new one is not started. The default.
    case skip
    /// The new one is started as soon as the open run has ended; one waits like this, and others are not started.
    case bufferOne = "buffer_one"
    /// All of them are started, one after the other; up to 1,000 wait.
    case bufferAll = "buffer_all"
    /// The open run is asked to cancel, and the new one is started when it has ended; of several that wait for that, the newest.
    case cancelOther = "cancel_other"
    /// As `cancelOther`, but the open run is terminated.
    case terminateOther = "terminate_other"
    /// The new one is started beside the open ones.
    case allowAll = "allow_all"
}
