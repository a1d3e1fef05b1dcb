// The work behind calls: when it begins, pauses, and is cancelled.

extension RunState {
    mutating func setCancelWork(_ key: String, _ cancel: @escaping @Sendable () -> Void) {
        waits[key]?.cancelWork = cancel
    }

    /// The attempts of a step run.
    mutating func setWork(_ key: String, _ body: StepBody, _ cancel: @escaping @Sendable () -> Void) {
        guard let wait = waits[key] else { return }
        (wait.stepBody, wait.cancelWork) = (body, cancel)
    }

    /// Between two attempts of a step its body does not run: neither memory nor the end of the engine waits for it.
    mutating func beginBackoff(_ key: String, until due: Microseconds) {
        waits[key]?.due = due
        bodies -= 1
    }

    /// The next attempt begins in a moment.
    mutating func hasten(_ key: String) { waits[key]?.due = nil }

    /// False if the run ends in this process, so that the next attempt is not to begin here.
    mutating func endBackoff(_ key: String) -> Bool {
        waits[key]?.due = nil
        guard stop == nil, !isQuiet else { return false }
        bodies += 1
        return true
    }

    /// The work of a step begins; what earlier attempts left behind.
    mutating func beginBody(_ key: String) -> PendingRecord? {
        bodies += 1
        return pending.isEmpty ? nil : pending[key]
    }

    /// What reads the message that the call waits for.
    mutating func setReader(_ key: String, _ read: @escaping MailWait.Reader) { waits[key]?.mail?.read = read }

    /// Why the call cannot be given this; nil if it can.
    func refusal(_ key: String, _ gift: Mailbox.Gift) -> WorkflowError? {
        guard stop == nil, let read = waits[key]?.mail?.read else { return nil }
        do throws(WorkflowError) {
            try read(gift.payload)
            return nil
        } catch {
            guard case .arrived(let item) = gift else { return error }
            return WorkflowError(
                error.code,
                "\(error.message). It is message \(item.sequence) of the inbox, and was not received: resume with code that can read it, or discard it first (`discardMessage`)"
            )
        }
    }

    /// How the call that waits for a request begins with it.
    mutating func setBegin(_ key: String, _ begin: @escaping @Sendable (InboxItem) -> Void) { waits[key]?.mail?.beginRequest = begin }

    /// A request is there; nil if nobody waits for it any more.
    mutating func beginRequest(_ key: String, _ item: InboxItem) -> (@Sendable (InboxItem) -> Void)? {
        guard stop == nil, !isQuiet, let wait = waits[key], let begin = wait.mail?.beginRequest else { return nil }
        wait.hasBody = true
        wait.mail?.examined = item
        bodies += 1
        return begin
    }

    /// The request is to be handled, and from now on the call waits for what comes of it.
    ///
    /// False if the call was cancelled meanwhile, which has put the request back, or the run has stopped.
    mutating func beginHandling(_ key: String) -> Bool {
        guard stop == nil, !isEnded, let mail = waits[key]?.mail, mail.examined != nil else { return false }
        mail.examined = nil
        return true
    }

    /// The request was refused: the call waits for the next; false as for `beginHandling`.
    mutating func awaitNext(_ key: String) -> Bool {
        bodies -= 1
        guard beginHandling(key), let wait = waits[key] else { return false }
        wait.hasBody = false
        if let mail = wait.mail { mailbox.want(mail.address, key) }
        return true
    }
}
