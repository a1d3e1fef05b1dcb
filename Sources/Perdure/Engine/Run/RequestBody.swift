/// The work behind one `answer`: a request is decoded, looked at, and handled like a step; a refusal leaves no trace in the history.
final class RequestBody: Sendable {
    /// The output of the row and the reply to the client, or why it is refused.
    enum Verdict: Sendable {
        /// Without a row, because that could not be encoded, the error is the workflow's too.
        case answered(EncodedPayload?, reply: EncodedPayload?, error: EncodedPayload?)
        case refused(EncodedPayload)
        /// The call was cancelled before the handler had begun.
        case undecided
    }

    /// It asks before it begins with what has effects: it must not if that says no.
    typealias Handler = @Sendable (EncodedPayload?, _ begins: @Sendable () -> Bool) async -> Verdict

    private let run: Run
    private let key: String
    private let name: String
    private let handle: Handler

    init(run: Run, key: String, name: String, handle: @escaping Handler) {
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
        let begins: @Sendable () -> Bool = { [run, key] in run.state.withLock { $0.beginHandling(key) } }
        let verdict = await StepContext.$current.withValue(name) { await handle(item.payload, begins) }
        let reply = ReplyRecord(workflow: run.first, request: name, key: item.key ?? "", replied: run.host.clock.now())
        switch verdict {
        case .answered(let row, let output, let error):
            run.record(
                key, .request, row, .reply(reply.with(output, error), sequence: item.sequence), error: row == nil ? error : nil,
                started: started, endsBody: true)
        case .refused(let error):
            refuse(reply.with(nil, error), item)
        case .undecided:
            run.state.withLock { $0.bodies -= 1 }
            goOn()
        }
    }

    /// Who was cancelled meanwhile refuses nothing: the request is there for the next call, or the next life.
    private func refuse(_ reply: ReplyRecord, _ item: InboxItem) {
        let callback = JournalCallback { self.written($0, reply, item) }
        run.state.withLock { state in
            guard state.awaitNext(key) else { return }
            run.host.journal.append(.refuse(reply, sequence: item.sequence, by: run.number), for: callback)
        }
        goOn()
    }

    private func goOn() {
        run.match(Mailbox.Address(kind: .request, topic: name))
        // Perhaps the body was all that kept the workflow in memory.
        run.poke()
    }

    /// The client waits for a reply: one that the database does not take is said in other words, and if that is not taken either, a person must look.
    private func written(_ result: Result<CommandResult, StoreError>, _ reply: ReplyRecord, _ item: InboxItem) {
        switch result {
        case .success: run.host.published(run.first)
        case .failure(let error) where error.code == .fenced: break
        case .failure(let error):
            let refusal = WorkflowError(.rejected, "the database refused the answer to request '\(name)': \(error)")
            let callback = JournalCallback { [run] result in
                switch result {
                case .success: run.host.published(run.first)
                case .failure(let error): if error.code != .fenced { run.setAside(refusal) }
                }
            }
            let words = reply.with(nil, run.workflow.errors.record(refusal, with: run.coder))
            run.host.journal.append(.refuse(words, sequence: item.sequence, by: run.number), for: callback)
        }
    }
}

extension ReplyRecord {
    fileprivate func with(_ output: EncodedPayload?, _ error: EncodedPayload?) -> ReplyRecord {
        var reply = self
        (reply.output, reply.error) = (output, error)
        return reply
    }
}
