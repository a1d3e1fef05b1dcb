/// Collects what an engine runs and serves: workflows, queues, schedules.
@resultBuilder
public enum DeclarationBuilder {
    /// A workflow.
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Declaration] where W.Input: Codable, W.Output: Codable {
        [
            .workflow(
                Registration(workflow) { input, context, coder in
                    let output = try await workflow.run(decode(input, W.self, coder), in: context)
                    return try coder.encode(output, what: "the result of workflow '\(W.name)'")
                })
        ]
    }

    /// A workflow that returns nothing.
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Declaration] where W.Input: Codable, W.Output == Void {
        [
            .workflow(
                Registration(workflow) { input, context, coder in
                    try await workflow.run(decode(input, W.self, coder), in: context)
                    return .void
                })
        ]
    }

    /// A workflow that takes nothing.
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Declaration] where W.Input == Void, W.Output: Codable {
        [
            .workflow(
                Registration(workflow) { _, context, coder in
                    let output = try await workflow.run((), in: context)
                    return try coder.encode(output, what: "the result of workflow '\(W.name)'")
                })
        ]
    }

    /// A workflow that takes and returns nothing.
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Declaration] where W.Input == Void, W.Output == Void {
        [
            .workflow(
                Registration(workflow) { _, context, _ in
                    try await workflow.run((), in: context)
                    return .void
                })
        ]
    }

    /// A queue that the engine takes work from.
    public static func buildExpression(_ queue: Queue) -> [Declaration] { [.queue(queue)] }

    /// A schedule that is stored when the engine starts.
    public static func buildExpression(_ schedule: Schedule) -> [Declaration] { [.schedule(schedule)] }

    /// Explains what is wrong with any other type.
    @available(
        *, unavailable,
        message: "a workflow's Input and Output must each be Void or Codable & Sendable, so that they can be checkpointed"
    )
    @_disfavoredOverload
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Declaration] { [] }

    /// All of a block.
    public static func buildBlock(_ declarations: [Declaration]...) -> [Declaration] { declarations.flatMap(\.self) }
    /// An `if`.
    public static func buildOptional(_ declarations: [Declaration]?) -> [Declaration] { declarations ?? [] }
    /// The first branch of an `if`.
    public static func buildEither(first declarations: [Declaration]) -> [Declaration] { declarations }
    /// The second branch of an `if`.
    public static func buildEither(second declarations: [Declaration]) -> [Declaration] { declarations }
    /// A `for`.
    public static func buildArray(_ declarations: [[Declaration]]) -> [Declaration] { declarations.flatMap(\.self) }

    private static func decode<W: Workflow>(_ input: EncodedPayload, _ type: W.Type, _ coder: PayloadCoder) throws -> W.Input
    where W.Input: Codable {
        do throws(WorkflowError) {
            return try coder.decode(W.Input.self, from: input, what: "the input of workflow '\(W.name)'")
        } catch {
            throw InputError(error: error)
        }
    }
}
