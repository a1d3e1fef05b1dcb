import ReplayPrograms
import Testing

@testable import Perdure

/// How many may begin under a rate limit.
@Suite struct RateWindowTests {
    private let rate = RateLimit(3, per: .seconds(10))

    private func allowance(_ window: inout RateWindow, _ rate: RateLimit, now: Microseconds) -> Int {
        window.allowance(rate, now: now)
    }

    private func wait(_ window: inout RateWindow, _ rate: RateLimit, now: Microseconds) -> Duration { window.wait(rate, now: now) }

    @Test func `so many, and then none until the first is long enough ago`() {
        var window = RateWindow()
        #expect(allowance(&window, rate, now: 0) == 3 && wait(&window, rate, now: 0) == .zero)
        window.take(2, rate, now: 0)
        window.take(0, rate, now: 0)
        #expect(allowance(&window, rate, now: 0) == 1)
        window.take(1, rate, now: 5_000_000)
        #expect(allowance(&window, rate, now: 5_000_000) == 0)
        let wait = wait(&window, rate, now: 5_000_000)
        #expect(wait > .seconds(5) && wait <= .milliseconds(5_100))
        #expect(allowance(&window, rate, now: 10_000_000) == 0)
        #expect(allowance(&window, rate, now: 10_100_000) == 2)
        #expect(allowance(&window, rate, now: 15_100_000) == 3)
    }

    @Test(arguments: 0..<60) func `in no stretch of the period do more begin than are allowed`(_ seed: UInt64) {
        var random = Seeded(seed)
        let period = Duration.microseconds([1_000, 7_777, 1_000_000, 3_600_000_000][random.below(4)] + random.below(1_000))
        let rate = RateLimit(1 + random.below([1, 10, 1_000][random.below(3)]), per: period)
        let length = period.wholeMicroseconds
        var window = RateWindow()
        var now = Microseconds(random.below(1_000_000_000))
        var starts: [(at: Microseconds, count: Int)] = []
        for _ in 0..<300 {
            now += Microseconds(random.below(Int(length) / 20 + 2))
            let allowed = allowance(&window, rate, now: now)
            let count = random.chance(50) ? allowed : min(allowed, random.below(4))
            window.take(count, rate, now: now)
            if count > 0 { starts.append((now, count)) }
            // The row is read anew by whoever claims next.
            window = RateWindow(window.text)
            let recent = starts.filter { $0.at > now - length }.reduce(0) { $0 + $1.count }
            #expect(recent <= rate.count)
            let wait = wait(&window, rate, now: now)
            #expect(wait >= .zero && wait <= period * 1.02 + .microseconds(2))
            var later = window
            #expect(allowance(&later, rate, now: now + wait.wholeMicroseconds) > 0)
            if wait > .zero { #expect(allowance(&window, rate, now: now) == 0) }
            #expect(window.text.utf8.count < 4_000)
        }
        // Nor is it much less than is allowed: a start counts a hundredth longer than it had to.
        now += length * 2
        #expect(allowance(&window, rate, now: now) == rate.count)
    }

    @Test func `all that is allowed does begin`() {
        var window = RateWindow()
        let rate = RateLimit(10, per: .seconds(1))
        var (begun, now): (Int, Microseconds) = (0, 0)
        while now < 100_000_000 {
            let allowed = allowance(&window, rate, now: now)
            window.take(allowed, rate, now: now)
            begun += allowed
            now += max(1, wait(&window, rate, now: now).wholeMicroseconds)
        }
        #expect(begun >= 980 && begun <= 1_000, "\(begun)")
    }

    @Test func `a limit that is lowered holds at once`() {
        var window = RateWindow()
        window.take(3, rate, now: 0)
        let lower = RateLimit(1, per: .seconds(10))
        #expect(allowance(&window, lower, now: 9_000_000) == 0)
        #expect(wait(&window, lower, now: 9_000_000) > .seconds(1))
        #expect(allowance(&window, RateLimit(1, per: .seconds(5)), now: 5_200_000) == 1)
    }

    @Test func `a clock that was set back neither frees nor blocks for ever`() {
        var window = RateWindow()
        window.take(3, rate, now: 1_000_000_000)
        #expect(allowance(&window, rate, now: 500_000_000) == 0)
        let wait = wait(&window, rate, now: 500_000_000)
        #expect(wait > .zero && wait <= .milliseconds(10_200))
        #expect(allowance(&window, rate, now: 500_000_000 + wait.wholeMicroseconds) == 3)
    }

    @Test(arguments: ["", "  ", "x", "5", "5:", ":5", "a:b", "5:5:5", "5:1 rubbish 7:2"])
    func `what cannot be read counts as nothing`(_ text: String) {
        var window = RateWindow(text)
        #expect(allowance(&window, RateLimit(9, per: .seconds(1)), now: 8) == (text.hasPrefix("5:1 ") ? 6 : 9))
    }

    @Test func `the text is what it was`() {
        var window = RateWindow()
        #expect(window.text.isEmpty)
        for second in 0..<5 { window.take(1, rate, now: Microseconds(second) * 1_000_000) }
        #expect(RateWindow(window.text) == window)
    }
}
