// Completions that do something besides being recorded: send, publish, append, reply.

extension Run {
    /// Hands the completion of a call and its effect to the journal as one command.
    func record(
        _ key: String, _ kind: StepKind, _ output: EncodedPayload?, _ effect: StepEffect, error: EncodedPayload? = nil,
        started: Microseconds, endsBody: Bool = false
    ) {
        let time = host.clock.now()
        state.withLock { state in
            if endsBody { state.bodies -= 1 }
            let record = state.complete(key, at: time) { order, finished in
                StepRecord(
                    workflow: number, key: key, order: order, kind: kind, output: output, error: error, started: started, finished: finished
                )
            }
            guard let record, let order = record.order else { return }
            state.effects[order] = OngoingEffect(effect)
            host.journal.append(.effect(record, effect), for: self, token: order)
        }
    }

    /// It is durable: now others may know.
    func carriedOut(_ effect: OngoingEffect, _ result: CommandResult) {
        switch (effect, result) {
        case (.message(var item), .sent(let receiver, let sequence)):
            (item.workflow, item.sequence) = (receiver, sequence)
            host.sent(item)
        // Sent before, or refused: whoever has it will find it.
        case (.message, _): host.sent(nil)
        case (.published, _): host.published(first)
        }
    }
}

extension OngoingEffect {
    /// nil: nobody waits for it.
    fileprivate init?(_ effect: StepEffect) {
        switch effect {
        case .send(let item, _, _): self = .message(item)
        case .publish, .append, .reply: self = .published
        case .setAttributes: return nil
        }
    }
}
