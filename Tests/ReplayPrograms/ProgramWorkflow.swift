package import Perdure

/// What a program leaves behind: how many lines its trace has, and their digest.
package struct Summary: Codable, Sendable, Hashable {
    package var lines: Int
    package var digest: UInt64
}

/// Runs the program that its input describes.
package struct ProgramWorkflow: Workflow {
    package static let name = "program"
    package static var errors: [any (Error & Codable & Sendable).Type] { [Refused.self] }

    let laboratory: Laboratory

    package init(_ laboratory: Laboratory) { self.laboratory = laboratory }

    package func run(_ input: ProgramInput, in context: WorkflowContext) async throws -> Summary {
        let program = Generator.program(input)
        let trace = laboratory.begin(context.workflowID)
        let interpreter = Interpreter(context: context, laboratory: laboratory, trace: trace)
        do {
            try await interpreter.run(program.operations, "")
        } catch {
            trace.note("end", describe(error))
            if program.passesOn { throw error }
        }
        return Summary(lines: trace.lines.count, digest: trace.digest)
    }
}

/// The same text in every build.
func describe(_ error: any Error) -> String {
    switch error {
    case let error as Refused: "refused \(error.code)"
    case let error as RecordedError: "recorded \(error.type): \(error.message)"
    case let error as WorkflowError: "\(error.code): \(error.message)"
    case is CancellationError: "cancelled"
    default: "error \(type(of: error))"
    }
}
