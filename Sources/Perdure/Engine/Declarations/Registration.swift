/// A workflow as an engine knows it, without its types.
package struct Registration: Sendable {
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
        self.init(own: name) { _, _, _ in throw WorkflowError(.invalidState, "the code of workflow '\(name)' is not in this process") }
    }

    /// One of the library's own.
    init(own name: String, run: @escaping @Sendable (EncodedPayload, WorkflowContext, PayloadCoder) async throws -> EncodedPayload) {
        self.name = name
        errors = ErrorRegistry()
        self.run = run
        fault = nil
    }

    private static func fault<W: Workflow>(of type: W.Type) -> WorkflowError? {
        do {
            try Names.check(W.name, "the name of workflow \(W.self)")
        } catch {
            return error
        }
        if W.name.hasPrefix(Names.reserved) {
            return WorkflowError(
                .invalidDeclaration, "workflow \(W.self) is named '\(W.name)': what begins with 'perdure.' is the library's own")
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
