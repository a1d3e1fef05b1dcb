/// A new run that is asked for by SQL: the input of a workflow of the library's own, for which histories are cut that SQL does not understand.
struct RunRequest: Codable, Sendable, Hashable {
    enum Change: String, Codable, Sendable { case restart, fork, rewind }

    /// The run that is to have a successor.
    var number: WorkflowNumber
    var change: Change
    /// Of a fork: before which step.
    var step: String?
    var version: String?
    var by: String?
    var reason: String?

    var runChange: RunChange {
        get throws(WorkflowError) {
            switch change {
            case .restart: return .restart
            case .rewind: return .rewind
            case .fork:
                guard let step else { throw WorkflowError(.unknownStep, "a fork needs the key of the step that is done anew") }
                return .forkStep(step)
            }
        }
    }
}

/// Carries such a request out: any engine does, whatever else it runs.
struct RunRequestWork: Sendable {
    static let name = Names.reserved + "run"

    let core: ClientCore

    /// What the one who asked reads as the output.
    struct Answer: Codable, Sendable, Hashable {
        /// The new run.
        var run: String
    }

    private static let patience = RetryPolicy.exponential(attempts: 100, maximumInterval: .seconds(30), nonRetryable: [WorkflowError.self])

    /// The number first: under it the second step is the same start, however often it is done.
    func run(_ request: RunRequest, in context: WorkflowContext) async throws -> Answer {
        let number = try await context.step("number", retry: Self.patience) { try await core.numbers.next() }
        try await context.step("start", retry: Self.patience) {
            let options = NewRunOptions(version: request.version, by: request.by, reason: request.reason)
            _ = try await core.succeed(request.number, request.runChange, as: number, options, in: nil)
        }
        return Answer(run: Names.publicID(number))
    }

    var registration: Registration {
        Registration(own: Self.name) { input, context, _ in
            let coder = PayloadCoder()
            let request = try coder.order(RunRequest.self, from: input, what: "the request of a new run")
            return try coder.encode(try await run(request, in: context), what: "the answer to a request of a new run")
        }
    }
}

extension PayloadCoder {
    /// The input of a workflow of the library's own; one that cannot be read sets it aside.
    func order<Value: Decodable>(_ type: Value.Type, from input: EncodedPayload, what: @autoclosure () -> String) throws -> Value {
        do throws(WorkflowError) {
            return try decode(type, from: input, what: what())
        } catch {
            throw InputError(error: error)
        }
    }
}
