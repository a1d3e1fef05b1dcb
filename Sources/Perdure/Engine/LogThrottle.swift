/// Lets a complaint through that may come thousands of times: the first of a kind, and then one in ten seconds.
struct LogThrottle<Kind: Hashable & Sendable>: Sendable {
    static var interval: Duration { .seconds(10) }

    private struct Last {
        var said: Instant
        /// How many came since, and were not said.
        var held = 0
    }

    private var last: [Kind: Last] = [:]

    /// How many of the kind were held back since the last that was said; nil if this one is, too.
    mutating func admit(_ kind: Kind, at time: Instant) -> Int? {
        guard let last = last[kind], time < last.said + Self.interval else {
            defer { self.last[kind] = Last(said: time) }
            return self.last[kind]?.held ?? 0
        }
        self.last[kind]?.held += 1
        return nil
    }
}

/// What a message ends with when others like it were held back.
func heldBack(_ count: Int) -> String { count == 0 ? "" : " (and \(count) times more since this was last said)" }
