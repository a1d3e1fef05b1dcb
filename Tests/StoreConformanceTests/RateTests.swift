internal import Perdure
internal import Testing

/// How many begin in a stretch of time, over all executors.
@Suite(.timeLimit(.minutes(10))) struct RateTests {
    private static let limit = LimitID(queue: Fixture.queue)
    private static let key = LimitID(queue: Fixture.queue, key: "key")
    private static let hourly = RateLimit(3, per: .seconds(3600))

    @Test(arguments: StoreUnderTest.available)
    func `no more begin than are allowed, whoever claims`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.enqueue(9)
            let wish = [RateWish(limit: Self.limit, rate: Self.hourly)]
            let first = try await one.claim([try await one.ask(2, rates: [Self.limit])], rates: wish)
            #expect(first.numbers == Array(numbers[..<2]) && first.answers[0].shortOf == nil && first.nextTokens == [:])
            let second = try await two.claim([try await two.ask(9, rates: [Self.limit])], rates: wish)
            #expect(second.numbers == [numbers[2]] && second.answers[0].shortOf == Self.limit && second.answers[0].hasMore)
            let wait = try #require(second.nextTokens[Self.limit])
            #expect(wait > .seconds(3500) && wait <= .seconds(3700), "\(wait)")
            let third = try await one.claim([try await one.ask(9, rates: [Self.limit])], rates: wish)
            #expect(third.numbers == [] && third.answers[0].shortOf == Self.limit && third.answers[0].hasMore)
            #expect(third.nextTokens[Self.limit].map { $0 > .seconds(3500) } == true)
            // A higher limit holds at once.
            let raised = [RateWish(limit: Self.limit, rate: RateLimit(5, per: .seconds(3600)))]
            #expect(try await one.claim([try await one.ask(9, rates: [Self.limit])], rates: raised).numbers.count == 2)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `keys have rates of their own, beside that of the queue`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (keyed, others) = (try await fixture.enqueue(3, key: "key"), try await fixture.enqueue(9, key: "other"))
            let other = LimitID(queue: Fixture.queue, key: "other")
            let asks = [
                try await executor.ask(9, key: "key", rates: [Self.limit, Self.key]),
                try await executor.ask(9, key: "other", rates: [Self.limit, other]),
            ]
            let once = RateLimit(1, per: .seconds(3600))
            let rates = [
                RateWish(limit: Self.limit, rate: Self.hourly), RateWish(limit: Self.key, rate: once),
                RateWish(limit: other, rate: RateLimit(9, per: .seconds(3600))),
            ]
            let report = try await executor.claim(asks, rates: rates)
            #expect(report.answers.map { $0.claimed.map(\.number) } == [[keyed[0]], Array(others[..<2])])
            #expect(report.answers.map(\.shortOf) == [Self.key, Self.limit])
            #expect(Set(report.nextTokens.keys) == [Self.key, Self.limit])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what waits or has expired does not count, and what was returned neither`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let wish = [RateWish(limit: Self.limit, rate: Self.hourly)]
            let later = try await fixture.enqueue(due: Fixture.moment + 1)
            let expired = try await fixture.enqueue(expires: Fixture.moment)
            let first = try await executor.claim([try await executor.ask(3, rates: [Self.limit])], rates: wish)
            #expect(first.numbers == later + expired && first.answers[0].claimed[1].isExpired && first.answers[0].shortOf == nil)
            let numbers = try await fixture.enqueue(4)
            let second = try await executor.claim([try await executor.ask(9, rates: [Self.limit])], rates: wish)
            #expect(second.numbers == Array(numbers[..<3]))
            try await executor.commit(.release(numbers[0]))
            #expect(try await executor.claim([try await executor.ask(9, isReturned: true)]).numbers == [numbers[0]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `when the time is over others begin`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.enqueue(6)
            let wish = [RateWish(limit: Self.limit, rate: RateLimit(2, per: .milliseconds(200)))]
            var claimed: [WorkflowNumber] = []
            let time = try await ContinuousClock().measure {
                try await eventually("all have begun") {
                    let report = try await executor.claim([try await executor.ask(9, rates: [Self.limit])], rates: wish)
                    #expect(report.all.count <= 2)
                    claimed += report.all
                    if let wait = report.nextTokens[Self.limit] {
                        #expect(wait > .zero && wait < .milliseconds(300))
                        try await Task.sleep(for: wait)
                    }
                    return claimed.count == numbers.count
                }
            }
            #expect(claimed == numbers)
            #expect(time >= .milliseconds(400))
        }
    }
}
