package import Perdure
internal import Testing

extension EncodedPayload {
    static func json(_ text: String) -> EncodedPayload { EncodedPayload(codec: 1, bytes: Array(text.utf8)) }
    static func text(_ text: String) -> EncodedPayload { json("\"\(text)\"") }
}

/// A step with some result.
func step(
    _ workflow: WorkflowNumber, _ key: String, _ order: Int64?, kind: StepKind = .step, output: EncodedPayload? = .text("done")
) -> StepRecord {
    StepRecord(
        workflow: workflow, key: key, order: order, kind: kind, output: output, started: Fixture.moment, finished: Fixture.moment + 1000)
}

func pending(_ workflow: WorkflowNumber, _ key: String, attempt: Int32 = 1) -> PendingRecord {
    PendingRecord(
        workflow: workflow, key: key, attempt: attempt, started: Fixture.moment, due: Fixture.future, error: .text("no luck"),
        progress: .text("half"))
}

func outcome(_ workflow: WorkflowNumber, _ status: OutcomeStatus = .completed) -> Outcome {
    Outcome(
        workflow: workflow, status: status, output: status == .completed ? .text("well") : nil,
        error: status == .completed ? nil : .text("badly"), finished: Fixture.moment + 5000)
}

func cancel(_ workflow: WorkflowNumber) -> InboxItem { InboxItem(workflow: workflow, kind: .cancel, payload: .text("please")) }

extension CommandResult {
    var isDone: Bool {
        if case .done = self { true } else { false }
    }

    var recorded: StepRecord? {
        if case .recorded(let row) = self { row } else { nil }
    }

    /// Whether it is what a resend of this step may say.
    func isSame(as step: StepRecord) -> Bool { isDone || recorded == step }
}

extension StartResult: Equatable {
    package static func == (left: StartResult, right: StartResult) -> Bool {
        switch (left, right) {
        case (.started(let left), .started(let right)): left == right
        case (.existing(let left), .existing(let right)): left == right
        case (.open(let left), .open(let right)): left == right
        case (.closed(let left), .closed(let right)): left == right
        case (.otherType(let left), .otherType(let right)): left == right
        case (.duplicate(let left), .duplicate(let right)): left == right
        case (.rejected(let left), .rejected(let right)): left.code == right.code
        default: false
        }
    }
}

/// All that a store shows of some workflows; two pictures are equal if nothing changed in between.
struct Picture: Equatable {
    struct Workflow: Equatable {
        var record: WorkflowRecord
        var live: LiveState?
        var executor: ExecutorID?
        var due: Microseconds?
        var crashes: Int
        var reason: String?
        var outcome: Outcome?
        var pending: Set<PendingRecord>
        var history: [StepRecord]
        var unordered: Set<StepRecord>
        var inbox: [InboxItem]
    }

    var workflows: [WorkflowNumber: Workflow] = [:]

    init(of numbers: [WorkflowNumber], in fixture: Fixture) async throws {
        for loaded in try await fixture.backend.load(numbers, limit: 10_000) {
            let number = loaded.record.number
            let status = try await fixture.status(number)
            #expect(Set(loaded.pending) == Set(status.pending))
            #expect(loaded.record == status.record)
            #expect(loaded.inbox == (try await fixture.inbox(number)))
            workflows[number] = Workflow(
                record: status.record, live: status.live, executor: status.executor, due: status.due, crashes: status.crashes,
                reason: status.reason, outcome: status.outcome, pending: Set(status.pending), history: loaded.history,
                unordered: Set(loaded.unordered), inbox: loaded.inbox)
        }
    }
}

/// Expects an error of a store with this code.
func expect<Value>(
    _ code: StoreError.Code, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Value
) async {
    do {
        let value = try await body()
        Issue.record("\(what): no error but \(value)", sourceLocation: sourceLocation)
    } catch let error as StoreError {
        #expect(error.code == code, "\(what): \(error)", sourceLocation: sourceLocation)
        #expect(!error.message.isEmpty, sourceLocation: sourceLocation)
    } catch {
        Issue.record("\(what): \(error)", sourceLocation: sourceLocation)
    }
}
