/// The starts under one rate limit in the stretch of time that still counts: pure, and stored as text.
///
/// Starts are remembered in steps of a hundredth of the period, as if they were at the step's end: so the text stays short, no stretch ever has
/// more starts than allowed, and a start counts a hundredth longer than it had to at most.
package struct RateWindow: Sendable, Equatable {
    /// Rising in time.
    private var starts: [(at: Microseconds, count: Int)] = []

    package static func == (left: RateWindow, right: RateWindow) -> Bool {
        left.starts.elementsEqual(right.starts) { $0.at == $1.at && $0.count == $1.count }
    }

    package init() {}

    /// Of the stored text; what cannot be read counts as nothing.
    package init(_ text: String) {
        for pair in text.split(separator: " ") {
            let parts = pair.split(separator: ":")
            guard parts.count == 2, let at = Microseconds(parts[0]), let count = Int(parts[1]) else { continue }
            starts.append((at, count))
        }
        starts.sort { $0.at < $1.at }
    }

    package var text: String { starts.map { "\($0.at):\($0.count)" }.joined(separator: " ") }

    /// How many may begin at this moment.
    package mutating func allowance(_ rate: RateLimit, now: Microseconds) -> Int {
        forget(rate, now)
        return max(0, rate.count - starts.reduce(0) { $0 + $1.count })
    }

    /// So many begin at this moment.
    package mutating func take(_ count: Int, _ rate: RateLimit, now: Microseconds) {
        if count <= 0 { return }
        let step = max(1, rate.period.wholeMicroseconds / 100)
        // A clock that was set back must not let the same stretch be used twice.
        let at = max((now / step + 1) * step, starts.last?.at ?? .min)
        if let last = starts.indices.last, starts[last].at == at { starts[last].count += count } else { starts.append((at, count)) }
    }

    /// How long it is until one may begin; zero if one may now.
    package mutating func wait(_ rate: RateLimit, now: Microseconds) -> Duration {
        var left = allowance(rate, now: now)
        if left > 0 { return .zero }
        // The limit may have been lowered: then more than one step has to pass.
        var used = starts.reduce(0) { $0 + $1.count }
        for start in starts {
            used -= start.count
            left = rate.count - used
            if left > 0 { return .microseconds(max(1, start.at + rate.period.wholeMicroseconds - now)) }
        }
        return .zero
    }

    private mutating func forget(_ rate: RateLimit, _ now: Microseconds) {
        let period = rate.period.wholeMicroseconds
        // One that lies more than a step ahead was written before the clock was set back: it counts from now on.
        let latest = now + max(1, period / 100)
        for index in starts.indices where starts[index].at > latest { starts[index].at = latest }
        starts.removeAll { $0.at <= now - period }
    }
}
