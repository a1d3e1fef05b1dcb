import Foundation
import Perdure

/// Takes orders, starts the workers that handle them, and kills one again and again.
actor Supervisor {
    private let settings: Settings
    private let client: Client
    private var workers: [WorkerProcess] = []

    /// What has happened; all else in the ledger is read from the database and from the payment service's log.
    private(set) var accepted: Set<Int> = []
    private(set) var kills = 0

    init(_ settings: Settings, client: Client) {
        self.settings = settings
        self.client = client
    }

    /// Returns when every order is finished, or the patience is over.
    func run() async throws {
        let plan = KillPlan(kills: settings.kills)
        for _ in 0..<settings.workers { workers.append(try WorkerProcess(settings)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.takeOrders(over: plan.duration) }
            group.addTask { try await self.killWorkers(at: plan.moments) }
            group.addTask { try await self.watch(for: plan.duration + self.settings.patience) }
            try await group.waitForAll()
        }
        for worker in workers { await worker.end() }
    }

    /// Spread over the whole time, so that the last order comes in after the last kill.
    private func takeOrders(over duration: Duration) async throws {
        let start = ContinuousClock.now
        for id in 1...settings.orders {
            try await Task.sleep(until: start + duration * id / settings.orders, clock: .continuous)
            try await accept(Order(id: id, item: ["lamp", "chair", "table", "shelf"][id % 4], cents: .random(in: 500...90_000)))
            accepted.insert(id)
        }
    }

    private func accept(_ order: Order) async throws {
        // The shop's own row and the start of the workflow: both or neither.
        try await client.transaction { db in
            try await db.execute("INSERT INTO orders (id, item, cents) VALUES (\(order.id), \(order.item), \(order.cents))")
            try await client.start(Checkout.self, order, id: order.workflowID, in: db)
        }
        // Some customers click twice. The id is an idempotency key: this finds the workflow that is there.
        if order.id.isMultiple(of: 5) { try await client.start(Checkout.self, order, id: order.workflowID) }
    }

    private func killWorkers(at moments: [Duration]) async throws {
        let start = ContinuousClock.now
        for moment in moments {
            try await Task.sleep(until: start + moment, clock: .continuous)
            let index = workers.indices.randomElement()!
            await workers[index].killAtOnce()
            kills += 1
            workers[index] = try WorkerProcess(settings)
        }
    }

    private func watch(for patience: Duration) async throws {
        var progress = ProgressBar(total: settings.orders)
        let end = ContinuousClock.now + patience
        var finished = 0
        while finished < settings.orders, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(100))
            finished = try await settings.database.finishedOrders(client).count
            progress.show(finished: finished, accepted: accepted.count, kills: kills)
        }
        progress.end()
    }
}

/// When workers are killed: at random, one to three seconds apart.
private struct KillPlan {
    var moments: [Duration] = []
    /// When the last order should have come in.
    var duration = Duration.zero

    init(kills: Int) {
        for _ in 0..<kills {
            duration += .milliseconds(.random(in: 1000...3000))
            moments.append(duration)
        }
    }
}
