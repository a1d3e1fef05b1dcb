import Foundation
import Perdure

/// What an ordeal consists of; each has statements of its own.
enum Shape: String, Codable, CaseIterable, Sendable {
    /// One step after the other.
    case steps
    /// Rows of the user's that are written with the checkpoint.
    case transactions
    /// Steps and a transaction at the same time.
    case fan
    /// A child, which is another ordeal.
    case child
    case timer
    /// A wait that is long enough to leave memory for it.
    case absence
    /// A child that is away for so long that its parent leaves memory too, and is woken by its end.
    case reunion
    /// A step that fails twice.
    case retries
    /// What it is found by changes.
    case attributes
    /// Some of everything, with pauses.
    case mixed
    /// Started by a schedule, for two times.
    case scheduled
    /// Ends its run, and goes on as a new one.
    case continued
    /// What the new run does.
    case sequel
    /// What a child does.
    case leaf
    /// Children that are started together, and whose ends are read as they come.
    case group
    /// Messages from a child, events and a stream.
    case letters
    case writer
    /// A child that fails, and undoes what it has done.
    case saga
    case undone

    /// Those that only others start, or that are too long for a strike at each statement.
    static let parts: Set<Shape> = [.mixed, .leaf, .sequel, .writer, .undone]
}

extension Topic where Message == Int { fileprivate static let letters = Topic("letters") }
extension EventKey where Value == Int { fileprivate static let count = EventKey("count") }
extension StreamKey where Element == Int { fileprivate static let lines = StreamKey("lines") }

/// What is put through everything: it keeps a diary, and returns all that its steps have returned.
struct Ordeal: Workflow {
    let scribe: Scribe

    func run(_ shape: Shape, in context: WorkflowContext) async throws -> String {
        // Chance is allowed here, for nothing depends on it but the diary.
        let page = Page(scribe: scribe, context: context, run: String(UInt32.random(in: .min ... .max), radix: 36))
        page.write(.run)
        let result = try await Self.body(shape, page, context).joined(separator: ";")
        if shape == .continued { try continueAsNew(.sequel, in: context) }
        page.write(.finished, value: result)
        return result
    }

    private static func body(_ shape: Shape, _ page: Page, _ context: WorkflowContext) async throws -> [String] {
        switch shape {
        case .steps: return try await [page.step("a"), page.step("b"), page.step("c")]
        case .transactions: return try await [page.transaction("t"), page.step("a"), page.transaction("u")]
        case .continued: return try await [page.step("before"), page.transaction("early")]
        case .sequel: return try await [page.step("after"), page.transaction("late")]
        case .leaf, .scheduled: return try await [page.step("a"), page.transaction("t")]
        case .fan:
            async let (a, b, t) = (page.step("a"), page.step("b", for: .milliseconds(5)), page.transaction("t"))
            async let c = page.step("c", for: .milliseconds(2))
            return try await [a, b, c, t, page.step("d")]
        case .child, .reunion:
            async let a = page.step("a")
            _ = try await context.child(Ordeal.self, shape == .child ? .leaf : .absence, id: context.workflowID + "/leaf")
            return try await [a, page.step("b")]
        case .timer, .absence:
            let first = try await page.step("a")
            try await context.sleep(for: shape == .timer ? .milliseconds(40) : .milliseconds(1_200))
            return try await [first, page.step("b")]
        case .attributes:
            let first = try await page.step("a")
            try await context.setAttributes(["seen": "a", "gone": nil])
            return try await [first, page.step("b")]
        case .retries: return try await [page.step("a", failures: 2), page.transaction("t")]
        case .mixed: return try await mixed(page, context)
        case .group: return try await group(page, context)
        case .letters: return try await letters(page, context)
        case .writer:
            guard let reader = context.workflowID.split(separator: "/").first.map(String.init) else { return [] }
            for number in 0..<3 { try await context.send(to: reader, .letters, number) }
            return try await [page.step("a")]
        case .saga:
            let first = try await page.step("a")
            do {
                _ = try await context.child(Ordeal.self, .undone, id: context.workflowID + "/undone")
                // That it fails is what is wanted.
                return []
            } catch {
                return try await [first, page.step("b")]
            }
        case .undone:
            try context.onFailure("undo") { page.write(.body, "undo") }
            _ = try await page.transaction("t")
            throw Page.Mishap()
        }
    }

    private static func group(_ page: Page, _ context: WorkflowContext) async throws -> [String] {
        let first = try await page.step("a")
        var seen: Set<Int> = []
        for try await child in try await context.startChildren(Ordeal.self, [Shape.leaf, .leaf, .leaf]) {
            _ = try child.output
            guard seen.insert(child.index).inserted else { throw Page.Mishap() }
        }
        guard seen.count == 3 else { throw Page.Mishap() }
        return try await [first, page.step("b")]
    }

    /// In their order, each once, whoever has them.
    private static func letters(_ page: Page, _ context: WorkflowContext) async throws -> [String] {
        let writer = try await context.startChild(Ordeal.self, .writer, id: context.workflowID + "/writer")
        for number in 0..<3 {
            guard try await context.receive(.letters) == number else { throw Page.Mishap() }
            try await context.append(number, to: .lines)
            try await context.publish(.count, number + 1)
        }
        guard try await context.receive(.letters, timeout: .milliseconds(20)) == nil else { throw Page.Mishap() }
        try await context.close(.lines)
        _ = try await writer.result()
        return try await [page.step("a")]
    }

    private static func mixed(_ page: Page, _ context: WorkflowContext) async throws -> [String] {
        var results = try await [page.step("a"), page.transaction("t", for: .milliseconds(5))]
        async let (b, c) = (page.step("b", for: .milliseconds(200)), page.step("c", for: .milliseconds(10)))
        try await results += [b, c]
        _ = try await context.child(Ordeal.self, .leaf, id: context.workflowID + "/leaf")
        try await context.sleep(for: .milliseconds(300))
        results += try await [page.step("d", for: .milliseconds(100)), page.transaction("u"), page.step("e", failures: 1)]
        return results
    }
}

/// Who writes into which diary.
struct Scribe: Sendable {
    let diary: Diary
    let process: String
}

/// One run of an ordeal, in the diary.
private struct Page: Sendable {
    let scribe: Scribe
    let context: WorkflowContext
    let run: String

    struct Mishap: Error {}

    func write(_ kind: Entry.Kind, _ key: String = "-", value: String = "-") {
        scribe.diary.write(
            Entry(kind, process: scribe.process, run: run, workflow: context.workflowID, key: key, value: value))
    }

    /// Says which process made it, and is not made twice.
    private func value() -> String { "\(scribe.process):\(String(UInt64.random(in: .min ... .max), radix: 36))" }

    func step(_ key: String, for duration: Duration = .zero, failures: Int = 0) async throws -> String {
        let result = try await context.step(key, retry: .fixed(attempts: failures + 1, interval: .milliseconds(20))) { step in
            write(.body, key)
            if duration > .zero { try await Task.sleep(for: duration) }
            if step.attempt <= failures { throw Mishap() }
            return value()
        }
        write(.done, key, value: result)
        return "\(key)=\(result)"
    }

    func transaction(_ key: String, for duration: Duration = .zero) async throws -> String {
        let result = try await context.transaction(key) { db in
            let value = value()
            // No unique key: it would hide a second row.
            try await db.execute("INSERT INTO public.ledger (workflow, key, value) VALUES (\(context.workflowID), \(key), \(value))")
            if duration > .zero { try await Task.sleep(for: duration) }
            return value
        }
        write(.done, key, value: result)
        return "\(key)=\(result)"
    }
}
