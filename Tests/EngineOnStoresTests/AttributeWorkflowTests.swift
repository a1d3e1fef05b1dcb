import Foundation
import Perdure
import Testing

extension Topic where Message == Int { fileprivate static let go = Topic("go") }

/// Says what it is at while it runs.
private struct Stages: Workflow {
    static let name = "Stages"
    /// What a later build does first.
    var isChanged = false

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        if isChanged { try await context.step("other") {} }
        try await context.setAttributes(["phase": "first", "given": nil, "tags": ["a", "b"]])
        _ = try await context.receive(.go)
        try await context.setAttributes(["phase": "second", "count": .int(Int64(input))])
        return input
    }
}

/// Asks for what cannot be.
private struct Careless: Workflow {
    static let name = "Careless"

    func run(_ input: Int, in context: WorkflowContext) async throws -> [String] {
        var codes: [String] = []
        let all: [[String: SearchAttribute?]] = [
            ["perdure.x": 1], ["nan": .number(.nan)], ["": nil], Dictionary(uniqueKeysWithValues: (0..<64).map { ("a\($0)", .int(1)) }),
            ["one more": 1], ["a0": nil, "one more": 2],
        ]
        for attributes in all {
            do {
                try await context.setAttributes(attributes)
                codes.append("done")
            } catch let error as WorkflowError {
                codes.append(error.code.rawValue)
            }
        }
        return codes
    }
}

/// Starts children that are found by what they were given.
private struct Family: Workflow {
    static let name = "Family"

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        try await context.setAttributes(["family": "parent"])
        _ = try await context.child(Leaf.self, 1, attributes: ["family": "one"])
        _ = try await context.child(Leaf.self, 1)
        var sum = 0
        for try await child in try await context.startChildren(Leaf.self, 0..<input, attributes: ["family": "many"]) {
            sum += try child.output
        }
        return sum
    }
}

private struct Leaf: Workflow {
    static let name = "Leaf"
    func run(_ input: Int, in context: WorkflowContext) async throws -> Int { input }
}

/// Attributes that workflows change, and those of their children.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct AttributeWorkflowTests {
    @Test(arguments: SQLStore.available)
    func `a change happens once, whatever is replayed`(_ store: SQLStore) async throws {
        let place = store.make().store
        let first = try await Engine(store: place, configuration: .test) { Stages() }
        try await running([first]) {
            try await first.start(Stages.self, 7, id: "s", options: StartOptions(attributes: ["given": 1, "kept": true]))
            try await eventually("it has said so") { try await first.client.count(where: "phase = 'first' and tags = 'b'") == 1 }
            #expect(try await first.client.status(of: "s").attributes == ["phase": "first", "kept": true, "tags": ["a", "b"]])
        }
        let second = try await Engine(store: place, configuration: .test) { Stages() }
        let client = second.client
        try await running([second]) {
            try await client.setAttributes(["phase": "looked at", "tags": nil], of: "s", by: "ada", reason: "by hand")
            #expect(try await client.count(where: "phase = 'looked at' and missing tags") == 1)
            try await client.send(to: "s", .go, 1)
            #expect(try await client.handle(of: Stages.self, id: "s").result() == 7)
            #expect(try await client.status(of: "s").attributes == ["phase": "second", "count": 7, "kept": true])
            #expect(try await client.count(where: "phase = 'second' and count = 7 and status = completed") == 1)
            // Also of one that has ended.
            let handle = try await client.handle(of: Stages.self, id: "s")
            try await handle.setAttributes(["phase": "archived"], by: "ada")
            #expect(try await client.count(where: "phase = 'archived'") == 1)
            #expect(try await client.interventions(of: "s").map(\.kind) == [.setAttributes, .setAttributes])
            #expect(try await client.interventions(of: "s").first?.reason == "by hand")
            // A new run has what the earlier one had in the end.
            let again = try await handle.restart()
            #expect(try await again.status().attributes["count"] == 7)
        }
    }

    @Test(arguments: SQLStore.available)
    func `code that asks for something else in its place is found out`(_ store: SQLStore) async throws {
        let place = store.make().store
        let first = try await Engine(store: place, configuration: .test) { Stages() }
        try await running([first]) {
            try await first.start(Stages.self, 7, id: "s")
            try await eventually("it has said so") { try await first.client.count(where: "phase = 'first'") == 1 }
        }
        let second = try await Engine(store: place, configuration: .test) { Stages(isChanged: true) }
        try await running([second]) {
            try await second.client.send(to: "s", .go, 1)
            try await eventually("it was set aside") { try await second.client.status(of: "s").state == .setAside }
            #expect(try await second.client.status(of: "s").reason?.contains("@attributes") == true)
            #expect(try await second.client.status(of: "s").attributes["phase"] == "first")
        }
    }

    @Test(arguments: SQLStore.available)
    func `what cannot be is an error that the workflow can catch`(_ store: SQLStore) async throws {
        let engine = try await Engine(store: store.make().store, configuration: .test) { Careless() }
        try await running([engine]) {
            let handle = try await engine.start(Careless.self, 1, id: "c")
            #expect(
                try await handle.result() == ["invalidAttribute", "invalidAttribute", "invalidName", "done", "invalidAttribute", "done"])
            let attributes = try await handle.status().attributes
            #expect(attributes.count == 64 && attributes["one more"] == 2 && attributes["a0"] == nil)
            for (changes, code) in [
                (["x": 1], WorkflowError.Code.invalidAttribute), (["": nil], .invalidName), (["perdure.y": nil], .invalidAttribute),
            ]
                as [([String: SearchAttribute?], WorkflowError.Code)]
            {
                let error = await #expect(throws: WorkflowError.self) { try await handle.setAttributes(changes, by: "ada") }
                #expect(error?.code == code)
            }
            let error = await #expect(throws: WorkflowError.self) {
                try await engine.client.setAttributes(["x": 1], of: "nobody", by: "ada")
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test(arguments: SQLStore.available)
    func `children have what they are given, and nothing of their parent's`(_ store: SQLStore) async throws {
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Family()
            Leaf()
        }
        let client = engine.client
        try await running([engine]) {
            let sum = try await engine.start(Family.self, 5).result()
            #expect(sum == 10)
            #expect(try await client.count(where: "name = 'Leaf' and family = 'one'") == 1)
            #expect(try await client.count(where: "name = 'Leaf' and family = 'many'") == 5)
            #expect(try await client.count(where: "name = 'Leaf' and missing family") == 1)
            #expect(try await client.count(where: "name = 'Family' and family = 'parent'") == 1)
        }
    }
}
