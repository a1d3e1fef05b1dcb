import Foundation
import Perdure

/// Queues that let one run at a time, and engines that are killed and frozen while they hold the only slot.
final class Limits: Scenario {
    let name = "limits"
    var tally = Tally(full: 1)
    private let workshop: Workshop
    private let engines: Int
    private let runs: Int
    private var random: Seeded

    /// What was seen and done while the engines ran.
    private struct Course: Sendable {
        var looks = 0
        var most = 0
        var kills = 0
        var freezes = 0
    }

    /// - Parameter runs: In the queue with one slot; each of the others gets a tenth of that.
    init(_ workshop: Workshop, engines: Int, runs: Int, seed: UInt64) {
        self.workshop = workshop
        self.engines = engines
        self.runs = runs
        random = Seeded(seed)
    }

    func lap() async throws {
        let server = try await PostgresServer.make(name, in: workshop)
        let stage = try await Stage(server, folder: server.folder + "/stage", lease: 1, work: .turns)
        try await TurnRecords.makeTable(stage.place)
        for queue in Turn.queues { try await stage.place.client.declare(queue) }
        for _ in 0..<engines { try stage.hire() }
        try await eventually("all engines are there") {
            try await stage.place.number("SELECT count(*) FROM perdure.executors") == self.engines
        }
        let begun = ContinuousClock.now
        let course = try await work(on: stage)
        let time = ContinuousClock.now - begun
        // Slots of those who died last are freed when the reaper comes around.
        try? await eventually("no slot is left", within: .seconds(10)) { try await TurnRecords(stage.place).slots == 0 }
        judge(try await TurnRecords(stage.place), course, time, server)
        await stage.close()
        await server.remove(workshop, after: tally)
    }

    func end() async {}

    private var all: Int { runs + 2 * (runs / 10) }

    private func work(on stage: Stage) async throws -> Course {
        let (course, isOver) = (Lock(Course()), Happening())
        let seed = random.next()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Self.look(at: stage, course, until: isOver) }
            group.addTask { try await Self.strike(stage, course, Seeded(seed), until: isOver) }
            defer { isOver.raise() }
            try await feed(stage, course)
            try await finish(stage)
            isOver.raise()
            try await group.waitForAll()
        }
        return course.withLock { $0 }
    }

    /// Keeps work waiting, and not too much of it.
    private func feed(_ stage: Stage, _ course: Lock<Course>) async throws {
        let chunk = min(100, max(10, runs / 10))
        var number = 0
        while number < runs {
            while try await stage.place.number("SELECT count(*) FROM perdure.live") > 10 * chunk {
                try await Task.sleep(for: .milliseconds(50))
            }
            // However short the run and slow the machine: it does not end before both have happened.
            while number + chunk >= runs, !course.withLock({ $0.kills > 0 && $0.freezes > 0 }) {
                try await Task.sleep(for: .milliseconds(50))
            }
            try await enqueue(Turn.queues[0], number..<(number + chunk), stage)
            let others = number / 10..<(number + chunk) / 10
            try await enqueue(Turn.queues[1], others, stage, offset: 10_000_000)
            for key in Turn.keys {
                let mine = others.filter { Turn.keys[$0 % Turn.keys.count] == key }
                try await enqueue(Turn.queues[2], mine, stage, key: key, offset: 20_000_000)
            }
            number += chunk
        }
    }

    private func enqueue(
        _ queue: Queue, _ numbers: some Sequence<Int>, _ stage: Stage, key: String = "", offset: Int = 0
    ) async throws {
        let inputs = numbers.map { Turn.Input(number: offset + $0, queue: queue.name, key: key) }
        try await stage.place.client.enqueue(Turn.self, each: inputs, on: queue, options: EnqueueOptions(key: key))
    }

    /// Until all has ended, or nothing has for a long time.
    private func finish(_ stage: Stage) async throws {
        var (before, end) = (-1, ContinuousClock.now + .seconds(90))
        while true {
            let left = try await stage.place.number("SELECT count(*) FROM perdure.live")
            if left == 0 { return }
            if left != before { (before, end) = (left, ContinuousClock.now + .seconds(90)) }
            guard ContinuousClock.now < end else { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Inside the database, as often as it can; the engines need a part of the machine too.
    private static func look(at stage: Stage, _ course: Lock<Course>, until isOver: Happening) async throws {
        while !isOver.isRaised {
            let seen = try await stage.place.client.transaction(isolation: .readCommitted) { db in
                try await db.query("SELECT looks, most FROM public.look(100)", as: Seen.self)[0]
            }
            course.withLock { course in
                course.looks += seen.looks
                course.most = max(course.most, seen.most)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private struct Seen: Decodable, Sendable {
        var looks: Int
        var most: Int
    }

    private static func strike(_ stage: Stage, _ course: Lock<Course>, _ seeded: Seeded, until isOver: Happening) async throws {
        var random = seeded
        // In turns, and the first ones soon, so that a short run has seen both.
        var strikes = 0
        while !isOver.isRaised {
            strikes += 1
            let kills = strikes % 2 == 1
            try await Task.sleep(for: .milliseconds(.random(in: strikes < 3 ? 200...500 : 500...4_000, using: &random)))
            // Mostly whoever has something: the others hold no slot.
            let label = try await stage.place.client.transaction(isolation: .readCommitted) { db in
                try await db.query(
                    """
                    SELECT e.label FROM perdure.executors e WHERE e.executor IN (SELECT executor FROM perdure.live WHERE state = 1)
                    ORDER BY random() LIMIT 1
                    """, as: String.self
                ).first
            }
            let holder = stage.marks.first { mark in stage.worker(mark).map { label?.hasSuffix(":\($0.pid)") ?? false } ?? false }
            guard !isOver.isRaised, let mark = holder ?? stage.marks.randomElement(using: &random) else { continue }
            if kills {
                await stage.kill(mark)
                try stage.hire()
                course.withLock { $0.kills += 1 }
            } else {
                let worker = stage.worker(mark)
                worker?.send(SIGSTOP)
                // Some wake before their lease has ended, some after others have their work.
                try await Task.sleep(for: .milliseconds(.random(in: 200...3_000, using: &random)))
                worker?.send(SIGCONT)
                course.withLock { $0.freezes += 1 }
            }
        }
    }

    private func judge(_ records: TurnRecords, _ course: Course, _ time: Duration, _ server: PostgresServer) {
        tally.rounds += 1
        tally.workflows += all
        tally.kills += course.kills + course.freezes
        tally.refused += server.count(ofState: "PD001")
        tally.lost += all - records.completed
        tally.doubled += records.doubled
        tally.require(
            records.completed == all && records.open == 0, "\(records.completed) of \(all) have completed, \(records.open) are open")
        tally.require(records.rows == all && records.doubled == 0, "\(records.rows) turns of \(all), \(records.doubled) more than once")
        tally.require(records.overlaps == 0, "\(records.overlaps) turns overlap")
        tally.require(course.most <= 1, "\(course.most) were in flight where one may be")
        tally.require(records.slots == 0, "\(records.slots) slots are held by nobody")
        let allowed = Double(Turn.rate.count) * (time / Turn.rate.period + 1)
        tally.require(Double(runs / 10) <= allowed, "\(runs / 10) began under a rate that allows \(Int(allowed)) in \(time.shown)")
        tally.require(course.most == 1 && course.looks > 100, "nobody has looked: nothing is proved")
        tally.require(course.kills > 0 && course.freezes > 0, "\(course.kills) kills, \(course.freezes) freezes: nothing is proved")
        tally.notes.append(
            "\(all) runs in \(time.shown), \(Int(Double(all) / (time / .seconds(1)))) a second; \(course.kills) engines killed, \(course.freezes) frozen; \(course.looks) looks, at most \(course.most) in flight"
        )
    }
}
