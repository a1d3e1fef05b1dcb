internal import FoundationEssentials
internal import Perdure
internal import PerdureMemory

/// A recording as a line of JSON, for another build to replay.
package struct StoredRecording: Codable, Sendable {
    private struct Payload: Codable {
        var codec: Int16
        var bytes: Data

        init?(_ payload: EncodedPayload?) {
            guard let payload else { return nil }
            codec = payload.codec
            bytes = Data(payload.bytes)
        }

        var payload: EncodedPayload { EncodedPayload(codec: codec, bytes: Array(bytes)) }
    }

    private struct Step: Codable {
        var key: String
        var order: Int64?
        var kind: Int16
        var output: Payload?
        var error: Payload?
        var started: Int64
        var finished: Int64
        var attempts: Int32
    }

    private var number: Int64
    private var id: String?
    private var isChild: Bool
    private var input: Payload?
    private var created: Int64
    private var steps: [Step]
    private var status: Int16
    private var output: Payload?
    private var error: Payload?
    private var finished: Int64
    private var trace: [String]

    /// Nil for a workflow that has not ended by its own code.
    package init?(_ recording: Recording) {
        let record = recording.copy.record
        guard let outcome = recording.copy.outcome, recording.hasEndedItself else { return nil }
        number = record.number
        id = record.id
        isChild = record.parent != nil
        input = Payload(record.input)
        created = record.created
        steps = recording.copy.steps.map { step in
            Step(
                key: step.key, order: step.order, kind: step.kind.rawValue, output: Payload(step.output), error: Payload(step.error),
                started: step.started, finished: step.finished, attempts: step.attempts)
        }
        status = outcome.status.rawValue
        output = Payload(outcome.output)
        error = Payload(outcome.error)
        finished = outcome.finished
        trace = recording.trace
    }

    package var recording: Recording {
        let lane = Lane(workflow: ProgramWorkflow.name)
        // Who the parent was does not matter to a replay; that there was one keeps it apart from its parent's.
        let parent = isChild ? ParentLink(number: 0, key: "", closePolicy: .abandon) : nil
        let record = WorkflowRecord(
            number: number, id: id, lane: lane, input: input?.payload ?? .void, parent: parent, created: created)
        let rows = steps.map { step in
            StepRecord(
                workflow: number, key: step.key, order: step.order, kind: StepKind(rawValue: step.kind) ?? .step,
                output: step.output?.payload, error: step.error?.payload, started: step.started, finished: step.finished,
                attempts: step.attempts)
        }
        let outcome = Outcome(
            workflow: number, status: OutcomeStatus(rawValue: status) ?? .failed, output: output?.payload, error: error?.payload,
            finished: finished)
        return Recording(copy: WorkflowCopy(record: record, steps: rows, outcome: outcome), trace: trace)
    }
}
