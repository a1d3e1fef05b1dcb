package import Perdure

/// A language model that uses tools until it knows the answer, while a browser reads along.
///
/// Each answer of the model and each use of a tool is a step: after a crash nothing that was paid for is asked again.
package struct Agent: Workflow {
    package struct Turn: Codable, Sendable, Equatable {
        package var speaker: String
        package var text: String

        package init(speaker: String, text: String) {
            self.speaker = speaker
            self.text = text
        }
    }

    /// What the model says, token by token; an answer that begins with `TOOL` asks for a tool.
    package protocol Model: Sendable {
        func tokens(after turns: [Turn]) -> AsyncThrowingStream<String, any Error>
    }

    /// It was asked ten times and still wanted tools.
    package struct NoAnswer: Error, Codable {}

    package static let errors: [any (Error & Codable & Sendable).Type] = [NoAnswer.self]

    let model: any Model
    let tools: [String: @Sendable (_ input: String) async throws -> String]

    package init(model: any Model, tools: [String: @Sendable (_ input: String) async throws -> String]) {
        self.model = model
        self.tools = tools
    }

    package func run(_ question: String, in context: WorkflowContext) async throws -> String {
        var turns = [Turn(speaker: "user", text: question)]
        // Whoever runs in circles is stopped.
        for round in 1...10 {
            let answer = try await context.step("model", id: round, retry: .exponential(attempts: 5, initialInterval: .milliseconds(20))) {
                [turns] step in
                var text = ""
                for try await token in model.tokens(after: turns) {
                    text += token
                    // A second attempt begins anew: readers see which attempt a token is of.
                    try await step.append(token, to: .tokens)
                }
                return text
            }
            turns.append(Turn(speaker: "model", text: answer))
            let words = answer.split(separator: " ", maxSplits: 2).map(String.init)
            guard words.first == "TOOL", words.count == 3 else { return answer }
            let result = try await context.step("tool", id: round, retry: .fixed(attempts: 3, interval: .milliseconds(20))) {
                guard let tool = tools[words[1]] else { return "there is no tool \(words[1])" }
                return try await tool(words[2])
            }
            turns.append(Turn(speaker: "tool", text: result))
        }
        throw NoAnswer()
    }
}

extension StreamKey where Element == String { package static let tokens = StreamKey("tokens") }
