// Messages and requests: what has arrived, and who is given it.

extension Run {
    /// Messages and requests that have arrived.
    func take(_ mail: [InboxItem]) {
        let addresses = state.withLock { state in
            for item in mail { state.mailbox.arrive(item) }
            return Set(mail.map { Mailbox.Address(kind: $0.kind, topic: $0.topic ?? "") })
        }
        for address in addresses { match(address) }
    }

    /// What has arrived before the code goes on is there when it asks, also if it will not wait.
    func sortMail() {
        let mail = inbox.withLock { $0.takeMail() }
        if mail.isEmpty { return }
        state.withLock { state in
            for item in mail { state.mailbox.arrive(item) }
        }
    }

    /// The rows of the inbox that it knows and leaves there.
    var unread: [Int64] { state.withLock { $0.mailbox.unread } + inbox.withLock { $0.unclaimed } }

    /// A receive waits for what has arrived already or will, until then.
    func want(_ address: Mailbox.Address, _ key: String, until due: Microseconds?, _ read: @escaping MailWait.Reader) {
        state.withLock { state in
            state.setReader(key, read)
            state.mailbox.want(address, key)
        }
        // First this: one that is there is taken, however short the time is.
        match(address)
        if let due, due < .max, state.withLock({ $0.waits[key]?.isRecorded == false }) {
            let started = state.withLock { $0.now }
            let timer = host.clock.schedule(at: due) { [weak self] in self?.gaveUp(address, key, started: started) }
            let clock = host.clock
            state.withLock { $0.setCancelWork(key) { clock.cancel(timer) } }
        }
    }

    /// Nothing came in time, which is recorded like a message.
    private func gaveUp(_ address: Mailbox.Address, _ key: String, started: Microseconds) {
        state.withLock { $0.mailbox.unwant(address, key) }
        record(key, .receive, .success(nil), started: started)
    }

    /// Gives what is there to those who wait.
    func match(_ address: Mailbox.Address) {
        if address.kind == .request { return beginRequests(address) }
        let time = host.clock.now()
        let (timers, refusal) = state.withLock { state in
            var timers: [@Sendable () -> Void] = []
            while let (key, gift) = state.mailbox.match(address) {
                // Under the lock, so that nothing overtakes what is being read.
                if let refusal = state.refusal(key, gift) {
                    state.mailbox.takeBack(gift, address)
                    return (timers, WorkflowError?.some(refusal))
                }
                let record = state.complete(key, at: time) { order, finished in
                    StepRecord(
                        workflow: number, key: key, order: order, kind: gift.kind, output: gift.payload, started: finished,
                        finished: finished)
                }
                guard let record, let order = record.order else {
                    state.mailbox.takeBack(gift, address)
                    continue
                }
                host.journal.append(.step(record, consumes: gift.sequence), for: self, token: order)
                if let cancel = state.waits[key]?.cancelWork { timers.append(cancel) }
            }
            return (timers, nil)
        }
        // Nobody waits for the end of their time any more, which may be far.
        for cancel in timers { cancel() }
        if let refusal { setAside(refusal) }
    }

    private func beginRequests(_ address: Mailbox.Address) {
        while true {
            let found = state.withLock { state -> (begin: @Sendable (InboxItem) -> Void, item: InboxItem)? in
                guard let (key, gift) = state.mailbox.match(address), case .arrived(let item) = gift else { return nil }
                guard let begin = state.beginRequest(key, item) else {
                    state.mailbox.takeBack(gift, address)
                    return ({ _ in }, item)
                }
                return (begin, item)
            }
            guard let found else { return }
            found.begin(found.item)
        }
    }
}

extension Mailbox.Gift {
    /// Of the row that records it.
    fileprivate var kind: StepKind { if case .arrived = self { .receive } else { .receiveAgain } }

    var payload: EncodedPayload {
        switch self {
        case .arrived(let item): item.payload ?? .void
        case .returned(let payload): payload
        }
    }

    fileprivate var sequence: Int64? { if case .arrived(let item) = self { item.sequence } else { nil } }
}
