// The work behind calls: when it begins, pauses, and is cancelled.

extension RunState {
    mutating func setCancelWork(_ key: String, _ cancel: @escaping @Sendable () -> Void) {
        waits[key]?.cancelWork = cancel
    }

    /// Between two attempts of a step its body does not run: neither memory nor the end of the engine waits for it.
    mutating func beginBackoff(_ key: String, until due: Microseconds) {
        waits[key]?.due = due
        bodies -= 1
    }

    /// False if the run ends in this process, so that the next attempt is not to begin here.
    mutating func endBackoff(_ key: String) -> Bool {
        waits[key]?.due = nil
        guard stop == nil, !isQuiet else { return false }
        bodies += 1
        return true
    }

    /// The work of a step begins; what earlier attempts left behind.
    mutating func beginBody(_ key: String) -> PendingRecord? {
        bodies += 1
        return pending.isEmpty ? nil : pending[key]
    }
}
