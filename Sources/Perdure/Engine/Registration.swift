/// A workflow as an engine knows it, without its types.
public struct Registration: Sendable {
    package let name: String
    package let errors: ErrorRegistry
    package let run: @Sendable (EncodedPayload, WorkflowContext, PayloadCoder) async throws -> EncodedPayload
    /// What is wrong with the declaration, if anything; thrown when the engine is made.
    package let fault: WorkflowError?

    init<W: Workflow>(
        _ workflow: W, run: @escaping @Sendable (EncodedPayload, WorkflowContext, PayloadCoder) async throws -> EncodedPayload
    ) {
        name = W.name
        errors = ErrorRegistry(W.errors)
        self.run = run
        fault = Self.fault(of: W.self)
    }

    /// Stands for code that is not here, where a workflow ends without running.
    static func absent(_ name: String) -> Registration { Registration(absent: name) }

    private init(absent name: String) {
        self.name = name
        errors = ErrorRegistry()
        run = { _, _, _ in throw WorkflowError(.invalidState, "the code of workflow '\(name)' is not in this process") }
        fault = nil
    }

    private static func fault<W: Workflow>(of type: W.Type) -> WorkflowError? {
        do {
            try Names.check(W.name, "the name of workflow \(W.self)")
        } catch {
            return error
        }
        if W.self is any Actor.Type {
            return WorkflowError(
                .invalidDeclaration, "workflow \(W.self) is an actor, which has state that a replay would not have: make it a struct")
        }
        let names = W.errors.map { ErrorRegistry.name(of: $0) }
        if let twice = Dictionary(grouping: names, by: \.self).first(where: { $0.value.count > 1 })?.key {
            return WorkflowError(.invalidDeclaration, "workflow \(W.name) lists two errors named '\(twice)': the name is what is recorded")
        }
        return nil
    }
}

/// The input could not be decoded: the workflow was not run.
struct InputError: Error {
    var error: WorkflowError
}

/// Collects the workflows of an engine.
@resultBuilder
public enum RegistrationBuilder {
    /// A workflow.
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Registration] where W.Input: Codable, W.Output: Codable {
        [
            Registration(workflow) { input, context, coder in
                let output = try await workflow.run(decode(input, W.self, coder), in: context)
                return try coder.encode(output, what: "the result of workflow '\(W.name)'")
            }
        ]
    }

    /// A workflow that returns nothing.
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Registration] where W.Input: Codable, W.Output == Void {
        [
            Registration(workflow) { input, context, coder in
                try await workflow.run(decode(input, W.self, coder), in: context)
                return .void
            }
        ]
    }

    /// A workflow that takes nothing.
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Registration] where W.Input == Void, W.Output: Codable {
        [
            Registration(workflow) { _, context, coder in
                let output = try await workflow.run((), in: context)
                return try coder.encode(output, what: "the result of workflow '\(W.name)'")
            }
        ]
    }

    /// A workflow that takes and returns nothing.
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Registration] where W.Input == Void, W.Output == Void {
        [
            Registration(workflow) { _, context, _ in
                try await workflow.run((), in: context)
                return .void
            }
        ]
    }

    /// Explains what is wrong with any other type.
    @available(
        *, unavailable,
        message: "a workflow's Input and Output must each be Void or Codable & Sendable, so that they can be checkpointed"
    )
    @_disfavoredOverload
    public static func buildExpression<W: Workflow>(_ workflow: W) -> [Registration] { [] }

    /// All of a block.
    public static func buildBlock(_ registrations: [Registration]...) -> [Registration] { registrations.flatMap(\.self) }
    /// An `if`.
    public static func buildOptional(_ registrations: [Registration]?) -> [Registration] { registrations ?? [] }
    /// The first branch of an `if`.
    public static func buildEither(first registrations: [Registration]) -> [Registration] { registrations }
    /// The second branch of an `if`.
    public static func buildEither(second registrations: [Registration]) -> [Registration] { registrations }
    /// A `for`.
    public static func buildArray(_ registrations: [[Registration]]) -> [Registration] { registrations.flatMap(\.self) }

    private static func decode<W: Workflow>(_ input: EncodedPayload, _ type: W.Type, _ coder: PayloadCoder) throws -> W.Input
    where W.Input: Codable {
        do throws(WorkflowError) {
            return try coder.decode(W.Input.self, from: input, what: "the input of workflow '\(W.name)'")
        } catch {
            throw InputError(error: error)
        }
    }
}
