import Testing

@testable import Perdure

/// What is said of a queue that cannot be meant.
@Suite struct QueueCheckTests {
    private static let wrong: [(queue: Queue, says: String)] = [
        (Queue(""), "the name of a queue"),
        (Queue(String(repeating: "x", count: 513)), "the name of a queue"),
        (Queue("q", concurrency: 0), "queue 'q' has a limit of 0 for `concurrency`"),
        (Queue("q", perEngine: -1), "limit of -1 for `perEngine`"),
        (Queue("q", perKey: 1_000_001), "for `perKey`: 1 to 1,000,000"),
        (Queue("q", rateLimit: RateLimit(0, per: .seconds(1))), "the rate limit of queue 'q' allows 0 starts"),
        (Queue("q", rateLimit: RateLimit(1, per: .microseconds(999))), "between a millisecond and a year"),
        (Queue("q", rateLimitPerKey: RateLimit(1, per: .seconds(400 * 86_400))), "the rate limit per key of queue 'q'"),
        (Queue("q", weights: ["a": 0]), "gives key 'a' the weight 0.0"),
        (Queue("q", weights: ["a": 1_001]), "0.001 to 1,000"),
        (Queue("q", weights: ["a": .nan]), "the weight nan"),
        (Queue("q", weights: [String(repeating: "x", count: 513): 1]), "a key of queue 'q'"),
        (Queue("q", whenFull: .dropNewest), "it needs `perKey:` and `slots: .untilEnd`"),
        (Queue("q", perKey: 1, whenFull: .cancelRunning), "it needs `perKey:` and `slots: .untilEnd`"),
        (Queue("q", expiry: .zero), "lets its workflows expire after 0.0 seconds"),
        (Queue("q", batch: .init(size: 0, within: .seconds(1))), "makes batches of 0 items: 1 to 10,000"),
        (Queue("q", batch: .init(size: 10_001, within: .seconds(1))), "makes batches of 10001 items"),
        (Queue("q", batch: .init(size: 1, within: .zero)), "that is no time"),
        (Queue("q", singleton: .reject, batch: .init(size: 1, within: .seconds(1))), "makes batches, which cannot be singletons"),
    ]

    @Test(arguments: wrong.indices) func `a declaration that is wrong is told why`(_ index: Int) {
        let (queue, says) = Self.wrong[index]
        let error = #expect(throws: WorkflowError.self) { try queue.check() }
        #expect(error?.message.contains(says) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        Queue("q"), Queue("q", concurrency: 1, perEngine: 1_000_000, perKey: 1, weights: ["": 0.001, "a": 1_000]),
        Queue("q", perKey: 1, slots: .untilEnd, whenFull: .cancelRunning), .strictOrder("q"),
        Queue("q", rateLimit: RateLimit(1, per: .milliseconds(1)), expiry: .milliseconds(1)),
        Queue("q", batch: .init(size: 10_000, within: .microseconds(1))),
    ]) func `what can be meant is not refused`(_ queue: Queue) {
        #expect(throws: Never.self) { try queue.check() }
    }

    private static let requests: [(queue: Queue, options: EnqueueOptions, says: String)] = [
        (Queue("q"), EnqueueOptions(key: String(repeating: "x", count: 513)), "the key of workflow 'flow' in queue 'q'"),
        (Queue("q"), EnqueueOptions(priority: 10), "the priority 10 is not one of 0 to 9"),
        (Queue("q"), EnqueueOptions(priority: -1), "the priority -1"),
        (Queue("q"), EnqueueOptions(expiry: .zero), "the expiry of workflow 'flow'"),
        (Queue("q"), EnqueueOptions(timeout: .zero), "the timeout of workflow 'flow'"),
        (Queue("q"), EnqueueOptions(deduplication: Deduplication("")), "a deduplication key of queue 'q'"),
        (Queue("q"), EnqueueOptions(debounce: Debounce("", period: .seconds(1))), "a debounce key of queue 'q'"),
        (Queue("q"), EnqueueOptions(debounce: Debounce("x", period: .zero)), "a debounce waits for a period above zero"),
        (
            Queue("q"), EnqueueOptions(debounce: Debounce("x", period: .seconds(2), maximumWait: .seconds(1))),
            "at least that as its maximum"
        ),
        (
            Queue("q"), EnqueueOptions(deduplication: Deduplication("x"), debounce: Debounce("x", period: .seconds(1))),
            "three ways to keep others out of queue 'q': choose one"
        ),
        (Queue("q", singleton: .reject), EnqueueOptions(deduplication: Deduplication("x")), "choose one"),
        (.strictOrder("q"), EnqueueOptions(priority: 1), "which a priority would change"),
        (Queue("q", batch: .init(size: 2, within: .seconds(1))), EnqueueOptions(), "give it items"),
        (Queue("q", concurrency: 0), EnqueueOptions(), "has a limit of 0"),
    ]

    @Test(arguments: requests.indices) func `a request that is wrong is told why`(_ index: Int) {
        let (queue, options, says) = Self.requests[index]
        let error = #expect(throws: WorkflowError.self) { try EnqueueRequest(name: "flow", queue: queue, options: options) }
        #expect(error?.message.contains(says) == true, "\(error?.message ?? "")")
    }
}
