import Foundation
import Perdure
import PerdureTesting
import Testing

extension Topic where Message == Int { fileprivate static let numbers = Topic("numbers") }
extension EventKey where Value == Int { fileprivate static let heard = EventKey("heard") }
extension StreamKey where Element == Int { fileprivate static let log = StreamKey("log") }
extension RequestKey where Input == Int, Output == Int { fileprivate static let double = RequestKey("double") }

/// Hears numbers until one is negative, and goes on as a new run after each few.
private struct Listener: Workflow {
    struct State: Codable, Sendable {
        var heard: [Int] = []
        var runs = 1
        var each = 3
    }

    func run(_ input: State, in context: WorkflowContext) async throws -> State {
        var state = input
        for _ in 0..<state.each {
            let number = try await context.receive(.numbers)
            if number < 0 { return state }
            state.heard.append(number)
            try await context.publish(.heard, state.heard.count)
            try await context.append(number, to: .log)
        }
        state.runs += 1
        try continueAsNew(state, in: context)
    }
}

/// Does a step in each run, and goes on until it has counted down.
private struct Countdown: Workflow {
    let diary: Diary

    func run(_ input: String, in context: WorkflowContext) async throws -> String {
        let words = input.split(separator: " ")
        try await context.step("note") { diary.note(input) }
        guard let count = Int(words[1]), count > 0 else { return "\(words[0]) is done" }
        try continueAsNew("\(words[0]) \(count - 1)", in: context)
    }
}

/// Never ends by itself.
private struct Endless: Workflow {
    func run(_ pause: Int, in context: WorkflowContext) async throws -> Int {
        if pause > 0 { try await context.sleep(for: .milliseconds(pause)) } else { try await context.step("work") {} }
        try continueAsNew(pause, in: context)
    }
}

/// Answers requests while it goes on as one run after the other.
private struct Doubler: Workflow {
    func run(_ answered: Int, in context: WorkflowContext) async throws -> Int {
        let count = Lock(answered)
        let isOver = try await context.answering(.double) { number in
            count.withLock { $0 += 1 }
            return 2 * number
        } while: {
            try await context.receive(.numbers, timeout: .milliseconds(15)) != nil
        }
        let total = count.withLock { $0 }
        if isOver { return total }
        try continueAsNew(total, in: context)
    }
}

/// Children that go on as new runs, alone and many at once.
private struct Parent: Workflow {
    let diary: Diary

    func run(_ count: Int, in context: WorkflowContext) async throws -> [String] {
        let alone = try await context.child(Countdown.self, "alone 2")
        let named = try await context.child(Countdown.self, "named 1", id: "named child")
        var all: Set<String> = [alone, named]
        for try await child in try await context.startChildren(Countdown.self, (0..<count).map { "child\($0) \($0 % 3)" }) {
            all.insert(try child.result.get())
        }
        return all.sorted()
    }
}

/// Waits for a child that never ends, and for as many that were started together.
private struct Waiting: Workflow {
    func run(_ input: String, in context: WorkflowContext) async throws {
        if input == "group" {
            for try await _ in try await context.startChildren(Endless.self, [3, 4]) {}
            try Task.checkCancellation()
        } else {
            _ = try await context.child(Endless.self, 3, id: "endless child")
        }
    }
}

/// Has a child when it goes on as a new run.
private struct Leaving: Workflow {
    func run(_ isLast: Bool, in context: WorkflowContext) async throws {
        if isLast { return }
        _ = try await context.startChild(Endless.self, 5, id: "left, and ended", onClose: .terminate)
        _ = try await context.startChild(Endless.self, 5, id: "left", onClose: .abandon)
        try continueAsNew(true, in: context)
    }
}

private final class Diary: Sendable {
    private let lines = Lock<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func note(_ line: String) { lines.withLock { $0.append(line) } }
}

@Suite(.timeLimit(.minutes(5)), .fewAtOnce)
struct ContinueTests {
    private func engine(_ store: Store, _ diary: Diary = Diary(), memory: Int = 20_000, queue: Queue? = nil) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        return try await Engine(store: store, configuration: configuration) {
            Listener()
            Countdown(diary: diary)
            Endless()
            Doubler()
            Parent(diary: diary)
            Waiting()
            Leaving()
            if let queue { queue }
        }
    }

    @Test(arguments: SQLStore.available)
    func `a workflow goes on as new runs under its id, and its handles lead to the last`(_ store: SQLStore) async throws {
        let diary = Diary()
        let engine = try await engine(store.make().store, diary)
        try await running([engine]) {
            let options = StartOptions(attributes: ["customer": "acme"])
            let first = try await engine.start(Countdown.self, "rocket 3", id: "count", options: options)
            #expect(try await first.result() == "rocket is done")
            #expect(diary.all == ["rocket 3", "rocket 2", "rocket 1", "rocket 0"])
            let runs = try await engine.client.runs(of: "count")
            #expect(runs.map(\.state) == [.continued, .continued, .continued, .completed])
            #expect(runs.map(\.link?.kind) == [nil, .continued, .continued, .continued])
            #expect(runs.dropFirst().map(\.link?.previous) == runs.dropLast().map(\.run) && runs[0].run == first.run)
            let status = try await first.status()
            #expect(status.state == .continued && status.state.isClosed && status.finishedAt != nil)
            let newest = try await engine.client.handle(of: Countdown.self, id: "count")
            #expect(newest.run == runs[3].run)
            let last = try await newest.status()
            #expect(last.attributes == ["customer": "acme"] && last.state == .completed && last.id == "count")
            let found = try await engine.client.workflows(where: "status = continued and customer = \"acme\"").all()
            #expect(found.count == 3 && found.allSatisfy { $0.state == .continued })
            // Under an id that Perdure made, too.
            let unnamed = try await engine.start(Countdown.self, "plane 1")
            #expect(try await unnamed.result() == "plane is done")
            #expect(try await engine.client.handle(of: Countdown.self, id: unnamed.id).status().state == .completed)
            #expect(engine.statistics.continued == 4)
        }
    }

    /// Two engines, room for little, and a sender that knows only the first run.
    @Test(arguments: SQLStore.available)
    func `messages that race with the continuation are heard in their order, each once`(_ store: SQLStore) async throws {
        let (database, count) = (store.make().store, 150)
        let engines = [try await engine(database, memory: 2), try await engine(database)]
        try await running(engines) {
            let first = try await engines[0].start(Listener.self, Listener.State(), id: "ear")
            async let read = first.stream(.log).reduce(into: [Int]()) { $0.append($1.value) }
            for number in 0..<count {
                try await first.send(.numbers, number, key: "\(number)")
                // A second time, by the id: as by a sender that did not hear that it had worked.
                if number % 7 == 0 { try await engines[1].client.send(to: "ear", .numbers, number, key: "\(number)") }
                if number % 10 == 9 {
                    try await engines[1].client.transaction { db in try await first.send(.numbers, 1_000 + number, in: db) }
                }
            }
            #expect(try await first.awaitEvent(.heard, where: { $0 == count + count / 10 }) != nil)
            try await first.send(.numbers, -1)
            let end = try await first.result()
            let expected = (0..<count).flatMap { $0 % 10 == 9 ? [$0, 1_000 + $0] : [$0] }
            #expect(end.heard == expected)
            #expect(end.runs == expected.count / 3 + 1)
            let values = try await read
            #expect(values == expected)
            #expect(try await first.event(.heard) == expected.count)
            let error = await #expect(throws: WorkflowError.self) { try await first.send(.numbers, 7) }
            #expect(error?.code == .ended)
        }
    }

    @Test(arguments: SQLStore.available)
    func `requests are answered once, by whichever run`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        try await running([engine]) {
            let first = try await engine.start(Doubler.self, 0, id: "doubler")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in 0..<4 {
                    group.addTask {
                        for number in (100 * sender)..<(100 * sender + 10) {
                            let answer = try await first.request(.double, number)
                            #expect(answer == 2 * number)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("it has gone on") { try await first.status().state == .continued }
            try await first.send(.numbers, 1)
            #expect(try await first.result() == 40)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a parent is given the result of the last run, of one child and of many`(_ store: SQLStore) async throws {
        let (database, diary) = (store.make().store, Diary())
        let engines = [try await engine(database, diary, memory: 2), try await engine(database, diary)]
        try await running(engines) {
            let parent = try await engines[0].start(Parent.self, 12, id: "parent")
            let names = ["alone", "named"] + (0..<12).map { "child\($0)" }
            #expect(try await parent.result() == names.map { "\($0) is done" }.sorted())
            // Three runs, two runs, and four times one, two and three.
            #expect(diary.all.count == 3 + 2 + 24)
            #expect(Set(diary.all).count == diary.all.count)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a cancel and a terminate that race with the continuation are never lost`(_ store: SQLStore) async throws {
        let database = store.make().store
        let engines = [try await engine(database), try await engine(database)]
        try await running(engines) {
            for round in 0..<12 {
                let first = try await engines[round % 2].start(Endless.self, round % 3, id: "endless \(round)")
                try await eventually("it goes on") { try await first.status().state == .continued }
                if round % 4 == 3 { try await first.terminate() } else { try await first.cancel() }
                let error = await #expect(throws: WorkflowError.self) { try await first.result() }
                #expect(error?.code == (round % 4 == 3 ? .terminated : .cancelled))
            }
            let ended = try await engines[0].client.workflows(where: "status in (cancelled, terminated)").all()
            #expect(ended.count == 12)
        }
    }

    @Test(arguments: SQLStore.available, ["child", "group"])
    func `the cancel of a parent reaches the run as which its child goes on`(_ store: SQLStore, _ which: String) async throws {
        let engine = try await engine(store.make().store)
        try await running([engine]) {
            let parent = try await engine.start(Waiting.self, which, id: "parent")
            try await eventually("the child goes on") {
                try await engine.client.workflows(where: "name = \"Endless\" and status = continued").all().count > 5
            }
            try await parent.cancel()
            let error = await #expect(throws: WorkflowError.self) { try await parent.result() }
            #expect(error?.code == .cancelled)
            try await eventually("no child is open") {
                try await engine.client.workflows(where: "name = \"Endless\" and status = open").all().isEmpty
            }
        }
    }

    @Test(arguments: SQLStore.available)
    func `children follow their policies when their parent goes on`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        try await running([engine]) {
            try await engine.start(Leaving.self, false, id: "leaving").result()
            let ended = try await engine.client.handle(of: Endless.self, id: "left, and ended")
            await #expect(throws: WorkflowError.self) { try await ended.result() }
            let left = try await engine.client.handle(of: Endless.self, id: "left")
            #expect(try await left.status().state != .terminated)
            try await left.terminate()
        }
    }

    @Test(arguments: SQLStore.available)
    func `a pause holds the newest run, and it goes on when it is resumed`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        try await running([engine]) {
            for round in 0..<4 {
                let first = try await engine.start(Endless.self, round % 2, id: "endless \(round)")
                try await eventually("it goes on") { try await first.status().state == .continued }
                try await first.pause(by: "Ada", reason: "a look")
                func newest() async throws -> WorkflowStatus {
                    try await engine.client.handle(of: Endless.self, id: "endless \(round)").status()
                }
                try await eventually("it is paused") { try await newest().state == .paused }
                let paused = try await newest()
                #expect(paused.pausedBy == "Ada" && paused.reason == "a look")
                #expect(try await first.resume(by: "Eve"))
                try await eventually("it goes on again") { try await newest().run != paused.run }
                try await first.cancel()
                await #expect(throws: WorkflowError.self) { try await first.result() }
            }
        }
    }

    @Test(arguments: SQLStore.available, [Queue.SlotHold.whileRunning, .untilEnd])
    func `a workflow keeps its turn in a queue while it goes on`(_ store: SQLStore, _ slots: Queue.SlotHold) async throws {
        let (database, diary) = (store.make().store, Diary())
        let queue = Queue("narrow", perKey: 1, slots: slots)
        let engines = [try await engine(database, diary, queue: queue), try await engine(database, diary, queue: queue)]
        try await running(engines) {
            var handles: [WorkflowHandle<String>] = []
            for name in ["a", "b", "c", "d"] {
                let options = EnqueueOptions(key: "tenant")
                handles.append(try await engines[0].enqueue(Countdown.self, "\(name) 4", on: queue, options: options))
            }
            for handle in handles { _ = try await handle.result() }
            // One after the other, and none in between.
            #expect(diary.all == ["a", "b", "c", "d"].flatMap { name in (0...4).reversed().map { "\(name) \($0)" } })
        }
    }

    @Test(arguments: SQLStore.available)
    func `the last run is restarted, forked and rewound; an earlier one is not`(_ store: SQLStore) async throws {
        let diary = Diary()
        let engine = try await engine(store.make().store, diary)
        try await running([engine]) {
            let first = try await engine.start(Listener.self, Listener.State(), id: "ear")
            for number in 0..<4 { try await first.send(.numbers, number, key: "\(number)") }
            #expect(try await first.awaitEvent(.heard, where: { $0 == 4 }) != nil)
            let error = await #expect(throws: WorkflowError.self) { try await first.restart() }
            #expect(error?.code == .superseded)
            try await first.cancel()
            await #expect(throws: WorkflowError.self) { try await first.result() }
            let newest = try await engine.client.handle(of: Listener.self, id: "ear")
            let rewound = try await newest.rewind()
            // What the runs before it have told is there, and so are the keys of what was sent.
            #expect(try await rewound.event(.heard) == 4)
            try await rewound.send(.numbers, 1, key: "1")
            try await rewound.send(.numbers, -1)
            #expect(try await rewound.result().heard == [0, 1, 2, 3])
            var log: [Int] = []
            for try await item in rewound.stream(.log) { log.append(item.value) }
            #expect(log == [0, 1, 2, 3])
            // The end of the chain is what those see who wait for its first run.
            await #expect(throws: WorkflowError.self) { try await first.result() }
            let again = try await rewound.restart()
            try await again.send(.numbers, -1)
            #expect(try await again.result().heard == [0, 1, 2])
        }
    }

    @Test(arguments: SQLStore.available)
    func `histories of all runs can be replayed, and a change of the input is found`(_ store: SQLStore) async throws {
        let diary = Diary()
        let engine = try await engine(store.make().store, diary)
        try await running([engine]) {
            let first = try await engine.start(Countdown.self, "rocket 2", id: "count")
            _ = try await first.result()
            let replayer = try Replayer { Countdown(diary: diary) }
            struct Other: Workflow {
                static let name = "Countdown"
                func run(_ input: String, in context: WorkflowContext) async throws -> String {
                    try await context.step("note") {}
                    if input.hasSuffix("0") { return "rocket is done" }
                    try continueAsNew(input + "!", in: context)
                }
            }
            let changed = try Replayer { Other() }
            var verdicts: [Bool] = []
            for run in try await engine.client.runs(of: "count") {
                let number = try #require(Names.number(fromPublicID: run.run))
                let history = try await #require(engine.client.core.store.recorded(number))
                #expect(await replayer.replay(history).verdict.isConsistent)
                verdicts.append(await changed.replay(history).verdict.isConsistent)
            }
            #expect(verdicts == [false, false, true])
            #expect(diary.all.count == 3)
        }
    }
}
