/// Does to one workflow what bulk work is for.
///
/// Each call of the store is conditional on what it finds. Where it comes too late, a mark tells whether that was this very work, before a crash.
struct BulkHand {
    let core: ClientCore
    let order: BulkOrder
    /// The mark, and what people read.
    let reason: String

    /// Somebody's transaction may be in the way of one workflow, or of all; but not for ever.
    private static let patience = 10

    /// - Throws: What has nothing to do with this workflow, and another attempt may mend: the database is not there.
    func act(on number: WorkflowNumber) async throws -> BulkEffect {
        var attempts = 0
        while true {
            do {
                let newest = try await newest(number)
                // Before a crash, and then it went on as a new run.
                if newest != number, try await hasActed(on: newest, since: number) { return .done }
                if try await isDone(newest) { return .done }
                return try await wasDoneBefore(number) ? .done : .skipped
            } catch let error as WorkflowError {
                guard Self.late.contains(error.code) else { return .failed(error.description) }
                return try await wasDoneBefore(number) ? .done : .skipped
            } catch let error as StoreError where error.code == .transient {
                attempts += 1
                let goesOn = attempts < Self.patience && !Task.isCancelled
                guard goesOn, await core.environment.clock.waitUnlessCancelled(.seconds(1)) else { return .failed(error.description) }
            } catch let error as StoreError where error.code == .rejected {
                return .failed(error.description)
            }
        }
    }

    /// It is in another state by now, or has another step.
    private static let late: Set<WorkflowError.Code> = [
        .ended, .setAside, .stepCompleted, .stepNotPending, .stillRunning, .superseded, .notFailed, .notFound,
    ]

    /// False if there was nothing to be done.
    private func isDone(_ number: WorkflowNumber) async throws -> Bool {
        let (id, by) = (Names.publicID(number), order.by)
        switch order.action.kind {
        case .cancel: try await core.ask(.cancel, number, id, by, reason)
        case .terminate: try await core.ask(.terminate, number, id, by, reason)
        case .pause: return try await pause(number)
        case .resume: return try await core.resume(number, by, reason)
        case .retryNow: return try await retryNow(number)
        case .rewind: try await succeed(number, .rewind)
        case .restart: try await succeed(number, .restart)
        case .fork: try await succeed(number, .forkStep(order.action.step ?? ""))
        case .skip: return try await decide(.skipStep, number, skipped)
        case .complete: return try await decide(.completeStep, number, order.action.value?.payload ?? .void)
        case .fail: return try await decide(.failStep, number, order.action.value?.payload)
        case .setAttributes: try await core.setAttributes(order.action.attributes ?? AttributeChanges([:]), number, id, by, reason)
        }
        return true
    }

    /// False where somebody else has paused it.
    private func pause(_ number: WorkflowNumber) async throws -> Bool {
        if case .already = try await core.pause(number, Names.publicID(number), order.by, reason) { return false }
        return true
    }

    /// All steps between two attempts.
    private func retryNow(_ number: WorkflowNumber) async throws -> Bool {
        let steps = try await core.store.status(of: number)?.pending.filter { $0.due != nil } ?? []
        var isAny = false
        for step in steps {
            if try await wasAsked(of: step.key, in: number) {
                isAny = true
                continue
            }
            do {
                try await core.intervene(.retryStep, step.key, nil, of: number, Names.publicID(number), order.by, reason)
                isAny = true
            } catch let error as WorkflowError where Self.late.contains(error.code) {
                continue
            }
        }
        return isAny
    }

    /// False where the step does not wait, or is not there.
    private func decide(_ kind: InterventionKind, _ number: WorkflowNumber, _ payload: EncodedPayload?) async throws -> Bool {
        let key = order.action.step ?? ""
        guard try await core.store.status(of: number)?.pending.contains(where: { $0.key == key }) == true else { return false }
        if try await wasAsked(of: key, in: number) { return true }
        try await core.intervene(kind, key, payload, of: number, Names.publicID(number), order.by, reason)
        return true
    }

    private var skipped: EncodedPayload {
        ErrorRegistry().record(WorkflowError.skipped(order.action.step ?? "", order.by, order.reason), with: core.coder)
    }

    /// Before a crash, and its engine has not taken it yet.
    private func wasAsked(of step: String, in number: WorkflowNumber) async throws -> Bool {
        try await core.store.interventions(of: number).contains { $0.step == step && $0.instruction.reason == reason }
    }

    private func succeed(_ number: WorkflowNumber, _ change: RunChange) async throws {
        let options = NewRunOptions(version: order.action.version, by: order.by, reason: reason)
        _ = try await core.succeed(number, change, options, in: nil)
    }

    private func wasDoneBefore(_ number: WorkflowNumber) async throws -> Bool {
        switch order.action.kind {
        case .rewind, .restart, .fork:
            guard let status = try await core.store.status(of: number) else { return false }
            let id = status.record.id ?? Names.publicID(number)
            guard let newest = try await core.store.number(ofID: id), newest != number else { return false }
            let link = try await core.store.status(of: newest)?.link
            return link?.previous == number && link?.reason == reason
        default: return try await hasActed(on: newest(number), since: number)
        }
    }

    /// Of a run that was continued, the one that stands for the workflow now.
    private func newest(_ number: WorkflowNumber) async throws -> WorkflowNumber {
        try await core.store.newestRuns(of: [number])[number] ?? number
    }

    /// Whether this work has made the run, or has done what it does to the run or to one that it continues.
    ///
    /// - Parameter earliest: It does not look behind a run with this number or a smaller one.
    func hasActed(on number: WorkflowNumber, since earliest: WorkflowNumber) async throws -> Bool {
        var number = number
        while true {
            let link = try await core.store.status(of: number)?.link
            if link?.reason == reason { return true }
            if try await core.store.interventions(of: number).contains(where: { $0.instruction.reason == reason }) { return true }
            guard number > earliest, let link, link.kind == .continued else { return false }
            number = link.previous
        }
    }
}
