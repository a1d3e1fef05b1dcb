/// The work behind one `answer`: a request is decoded, looked at, and handled like a step; a refusal leaves no trace in the history.
final class RequestBody: Sendable {
    /// The output of the row and the reply to the client, or why it is refused.
    enum Verdict: Sendable {
        case answered(EncodedPayload, reply: EncodedPayload?, error: EncodedPayload?)
        case refused(EncodedPayload)
    }

    private let run: Run
    private let key: String
    private let name: String
    private let handle: @Sendable (EncodedPayload?) async -> Verdict

    init(run: Run, key: String, name: String, handle: @escaping @Sendable (EncodedPayload?) async -> Verdict) {
        self.run = run
        self.key = key
        self.name = name
        self.handle = handle
    }

    func begin(_ item: InboxItem) {
        let task = Task(executorPreference: run.host.stepExecutor) { await self.perform(item) }
        run.state.withLock { $0.setCancelWork(key) { task.cancel() } }
    }

    private func perform(_ item: InboxItem) async {
        let started = run.host.clock.now()
        let verdict = await StepContext.$current.withValue(name) { await handle(item.payload) }
        let reply = ReplyRecord(workflow: run.first, request: name, key: item.key ?? "", replied: run.host.clock.now())
        switch verdict {
        case .answered(let row, let output, let error):
            run.record(
                key, .request, row, .reply(reply.with(output, error), sequence: item.sequence), started: started, endsBody: true)
        case .refused(let error):
            refuse(reply.with(nil, error), item)
        }
    }

    private func refuse(_ reply: ReplyRecord, _ item: InboxItem) {
        let callback = JournalCallback { [run] _ in run.host.published(run.first) }
        run.host.journal.append(.refuse(reply, sequence: item.sequence, by: run.number), for: callback)
        run.state.withLock { $0.awaitNext(key) }
        run.match(Mailbox.Address(kind: .request, topic: name))
    }
}

extension ReplyRecord {
    fileprivate func with(_ output: EncodedPayload?, _ error: EncodedPayload?) -> ReplyRecord {
        var reply = self
        (reply.output, reply.error) = (output, error)
        return reply
    }
}
