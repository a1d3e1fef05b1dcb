/// Bulk work: a workflow of the library's own, which every engine runs, whatever else it runs.
///
/// Each page of it is one step: it does what the page before has chosen, and chooses the next. So a crash repeats a page that is known, and what was
/// done in it already is recognized by its mark.
struct BulkWork: Sendable {
    static let name = Names.reserved + "bulk"
    /// Of the event that holds the progress.
    static let event = "progress"

    let core: ClientCore

    /// What is known between two steps.
    struct Position: Codable, Sendable {
        /// What durations in the filter count from.
        var began: Microseconds
        /// Those with greater numbers were started later, but for new runs of those that were there.
        var last: WorkflowNumber
        /// Those up to here are chosen.
        var cursor = WorkflowNumber.min
        /// Chosen, and to be done next; empty at the end.
        var page: [WorkflowNumber] = []
        var progress = BulkProgress()
    }

    /// As many numbers as there are in the ten seconds for which engines keep what they have fetched, and in ten more.
    private static let blur: WorkflowNumber = 20_000 << 22
    /// So often nothing but what was done before is looked at, where workflows go on as new runs faster than anybody looks.
    private static let rounds = 10

    /// The database may be away for long, and this is nobody's emergency.
    private static let patience = RetryPolicy.exponential(attempts: 1_000, maximumInterval: .seconds(30))

    func run(_ order: BulkOrder, in context: WorkflowContext) async throws -> BulkProgress {
        var progress = BulkProgress()
        do {
            let number = context.run.number
            let id = context.workflowID
            var position = try await context.step("begin", retry: Self.patience) { try await self.begin(order, number, id) }
            progress = position.progress
            try await publish(progress, in: context)
            while !position.page.isEmpty {
                let next = position
                position = try await context.step("page", retry: Self.patience) { try await self.page(next, order, id) }
                progress = position.progress
                try await publish(progress, in: context)
                // A wait of seconds is a row like that of any workflow.
                if order.rate < 1, !position.page.isEmpty { try await context.sleep(for: .seconds(1 / order.rate)) }
            }
        } catch is CancellationError where !context.isUnloading {
            progress.isStopped = true
        }
        return progress
    }

    /// In JSON, so that a program that has not the engine's codec can read it.
    private func publish(_ progress: BulkProgress, in context: WorkflowContext) async throws {
        try await context.enter("publish '\(Self.event)'")
        try await context.publish(Self.event, PayloadCoder().encode(progress, what: "the progress of bulk work"))
    }

    /// Input and output are JSON as well.
    var registration: Registration {
        Registration(own: Self.name) { input, context, _ in
            let coder = PayloadCoder()
            let order = try coder.order(BulkOrder.self, from: input, what: "the order of bulk work")
            return try coder.encode(try await run(order, in: context), what: "the result of bulk work")
        }
    }

    private func begin(_ order: BulkOrder, _ number: WorkflowNumber, _ id: String) async throws -> Position {
        let now = core.environment.clock.now()
        // Numbers are handed out in blocks, so some that were started before have greater ones than this workflow.
        var position = Position(began: now, last: max(number, try await newestNumber() ?? number))
        position.progress.expected = try await core.store.count(order.selection(at: now), now: now, upTo: 100_000)
        try await choose(&position, order, hand(order, id))
        return position
    }

    func hand(_ order: BulkOrder, _ id: String) -> BulkHand {
        BulkHand(core: core, order: order, reason: Self.mark(order.reason, id))
    }

    /// First those up to `last`, then those that have gone on behind it as new runs.
    ///
    /// A new run has a greater number than the one that it continues, so a workflow that goes on before it is looked at is met again.
    func choose(_ position: inout Position, _ order: BulkOrder, _ hand: BulkHand) async throws {
        position.page = []
        let (limit, selection) = (max(order.pageSize, 100), try order.selection(at: position.began))
        let newest = try await newestNumber() ?? position.last
        var rounds = 0
        while position.page.isEmpty, rounds < Self.rounds {
            let isBehind = position.cursor >= position.last
            // All up to there are looked at, however many were done before; what comes behind that may never end.
            if position.cursor >= newest { rounds += 1 }
            let request = SearchRequest(
                selection, now: core.environment.clock.now(), after: position.cursor, limit: limit, newestFirst: false,
                extent: isBehind ? .continuing(position.last) : .upTo(position.last))
            let found = try await core.store.search(request).map(\.status.record.number)
            for number in found where position.page.count < order.pageSize {
                position.cursor = number
                // What is older is none of its making, and continues nothing that it was at.
                let mayBeOurs = number > position.last - Self.blur
                if mayBeOurs, try await hand.hasActed(on: number, since: position.last - Self.blur) { continue }
                position.page.append(number)
            }
            guard found.count < limit, position.cursor >= found.last ?? .min else { continue }
            if isBehind { return }
            position.cursor = position.last
        }
    }

    private func newestNumber() async throws -> WorkflowNumber? {
        try await core.store.search(SearchRequest(.all, now: core.environment.clock.now(), limit: 1)).first?.status.record.number
    }

    private func page(_ position: Position, _ order: BulkOrder, _ id: String) async throws -> Position {
        var position = position
        let hand = hand(order, id)
        var pace = BulkPace(rate: order.rate, clock: core.environment.clock)
        for number in position.page {
            // Stopped, and the rest is nobody's.
            if Task.isCancelled { return position }
            position.progress.count(try await hand.act(on: number), on: number)
            await pace.wait()
        }
        await pace.end()
        try await choose(&position, order, hand)
        return position
    }

    /// What is recorded with each workflow as the reason: for people, and to know what was done before a crash.
    static func mark(_ reason: String?, _ id: String) -> String {
        let work = "bulk work '\(id)'"
        return reason.map { "\($0) (\(work))" } ?? work
    }
}

/// Keeps to a rate: never more than it, and a twentieth of it in one go.
struct BulkPace {
    private let size: Int
    private let pause: Duration
    private let clock: any EngineClock
    private var begun: Instant
    private var count = 0

    init(rate: Double, clock: any EngineClock) {
        size = Int(min(max(rate / 20, 1), 200))
        // Below one in each second it is the workflow that waits.
        pause = rate < 1 ? .zero : .seconds(Double(size) / rate)
        self.clock = clock
        begun = clock.instant()
    }

    /// After each; ends early when the task is cancelled.
    mutating func wait() async {
        count += 1
        if count == size { await end() }
    }

    /// After the last.
    mutating func end() async {
        let left = begun + pause * count / size - clock.instant()
        if left > .zero { _ = await clock.waitUnlessCancelled(left) }
        (count, begun) = (0, clock.instant())
    }
}
