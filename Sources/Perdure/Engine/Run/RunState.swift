/// The whole of one run of a workflow, without its tasks: a pure state machine.
///
/// In replay the recorded completions are delivered in their order, each when nothing is left to run; calls whose completion is not
/// recorded are held. When the history is used up the held calls begin, and from then on completions are numbered as they are handed to the
/// journal and delivered in that order, each when it is durable.
struct RunState {
    // What was recorded.
    private(set) var history: ArraySlice<StepRecord>
    private var historyIsComplete: Bool
    private var isLoading = false
    private var unordered: [String: StepRecord]
    private(set) var pending: [String: PendingRecord]

    // What the code asks for.
    private var occurrences: [String: Int] = [:]
    private var outstanding: Set<String> = []
    private(set) var waits: [String: Wait] = [:]
    private var held: [String] = []
    /// Results of children that nobody has asked for yet.
    private var early: [String: StepRecord] = [:]
    var claimedResults: Set<String> = []
    /// Calls that ended without their record: a record that turns up is skipped.
    private var abandoned: [String: Mailbox.Address?] = [:]
    var mailbox = Mailbox()

    // What is on the way.
    private(set) var lastOrder: Int64 = 0
    private var nextDelivery: Int64 = 1
    private(set) var inFlight: [Int64: StepRecord] = [:]
    private(set) var durable: [Int64: StepRecord] = [:]
    /// Children whose start is on the way, by the place of their row.
    var startingChildren: [Int64: StartingChild] = [:]
    var startingBlocks: [Int64: StartingBlock] = [:]
    var groups = ChildGroups()
    /// What completions on their way do besides, by their place.
    var effects: [Int64: OngoingEffect] = [:]
    /// Commands without a place in the order whose fate is open.
    var unresolved = 0
    var control = RunControl()
    var bodies = 0
    var patches: PatchBook

    private(set) var isLive: Bool
    private(set) var isQuiet = false
    private var isAsked = false
    private(set) var now: Microseconds
    /// Of a run that was made of another's history: time goes on from its own beginning where that ends.
    private let turns: [RunOrigin.Turn]
    private var lastFinished: Microseconds
    private(set) var cancellation: CancelReason?
    private var isCancelOnItsWay = false
    /// Its type is paused, and it runs only because it was cancelled: nothing begins before its code knows.
    var cancelsFirst = false
    var children: [WorkflowNumber: ChildReference] = [:]
    /// Starts of children that were delivered, and that the code has not taken note of yet.
    var newChildren: [String: StepRecord] = [:]
    var inheritance: Inheritance
    /// A start of a child was cut off before it began in this life.
    var hasCutStart = false
    private(set) var rootResult: Result<EncodedPayload, any Error>?
    private(set) var stop: Stop?
    var continuing: Continuing?
    /// The place of what the code has seen last.
    private(set) var delivered: Int64 = 0
    private(set) var isEnded = false

    init(_ loaded: LoadedWorkflow, isFresh: Bool = false) {
        inheritance = isFresh ? .known([]) : .unknown
        history = loaded.history[...]
        historyIsComplete = loaded.isComplete
        unordered = Dictionary(loaded.unordered.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        patches = PatchBook(recorded: loaded.patches.union(loaded.history.lazy.filter { $0.kind == .patch }.map(\.key)))
        pending = Dictionary(loaded.pending.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        isLive = loaded.history.isEmpty && loaded.isComplete
        let origin = RunOrigin(loaded.origin)
        turns = origin?.turns ?? []
        now = origin?.began ?? loaded.record.created
        lastFinished = now
    }
}

// MARK: - Calls

extension RunState {
    /// What each call of the context asks first.
    mutating func enter() -> Entry {
        if isEnded || rootResult != nil {
            return .fail(WorkflowError(.ended, "the context was used after its workflow had ended: await every task before `run` returns"))
        }
        if let answer = enterContinuing() { return answer }
        guard stop != nil else { return .go }
        stop?.throwsLeft -= 1
        guard let stop, stop.throwsLeft >= 0 else { return .park }
        return .fail(stop.error)
    }

    /// The key of the next call under `base`: `ship`, then `ship#2`.
    mutating func nextKey(_ base: String) -> String {
        let count = (occurrences[base] ?? 0) + 1
        occurrences[base] = count
        return Names.occurrence(base, count)
    }

    /// True if the work is to begin now; otherwise the call is held until replay has caught up, or a patch is durable.
    mutating func register(
        _ base: String, kind: StepKind, exclusive: Bool, due: Microseconds? = nil, address: Mailbox.Address? = nil
    ) throws(WorkflowError) -> (key: String, begin: Bool) {
        if exclusive, !outstanding.insert(base).inserted {
            throw WorkflowError(
                .ambiguousStep,
                "a step '\(base)' is outstanding already: give steps that run at the same time an `id:`, or replay could not tell them apart"
            )
        }
        let key = nextKey(base)
        let begins = isLive && !isQuiet && !patches.isWaiting && !awaitsCancel
        waits[key] = Wait(key: key, kind: kind, exclusiveName: exclusive ? base : nil, begun: begins, due: due, address: address)
        if !isLive || patches.isWaiting || awaitsCancel { held.append(key) }
        return (key, begins)
    }

    /// What the call is resumed with at once, if it was cancelled, or its run stopped, before it came to park.
    mutating func park(_ key: String, _ parked: Parked<Resumption>) -> Resumption? {
        guard let wait = waits[key] else { return stop.map { .stopped($0.error) } ?? .cancelled }
        wait.parked = parked
        return nil
    }

    /// The row that an earlier life committed without a place in the order.
    func unorderedRecord(_ key: String) -> StepRecord? { unordered[key] }

    /// The task that waits for `key` was cancelled.
    mutating func cancelWait(_ key: String) -> CancelAction {
        guard let wait = waits[key] else { return .none }
        guard wait.endsAtOnce else {
            wait.isCancelled = true
            return wait.begun ? wait.cancelWork.map(CancelAction.work) ?? .none : .none
        }
        remove(key)
        if !isLive || wait.isRecorded { abandoned[key] = .some(wait.mail?.address) }
        if let mail = wait.mail {
            if wait.isRecorded { mailbox.recall(mail.address) } else { mailbox.unwant(mail.address, key) }
            if let item = mail.examined { mailbox.takeBack(.arrived(item), mail.address) }
        }
        return .resume(wait.parked, stopping: wait.cancelWork)
    }

    @discardableResult
    private mutating func remove(_ key: String) -> Wait? {
        guard let wait = waits.removeValue(forKey: key) else { return nil }
        if let name = wait.exclusiveName { outstanding.remove(name) }
        return wait
    }
}

// MARK: - Completions

extension RunState {
    mutating func ask() { isAsked = true }

    /// What is to be done now that nothing is left to run and nothing can be delivered.
    mutating func idled() -> Idle {
        if isStuck { return .isStuck }
        if let due = unloadableUntil { return .canLeave(until: due) }
        defer { isAsked = false }
        return isAsked ? .staysAfterAll : .waitsInMemory
    }

    /// Nothing else of the workflow is outstanding: a transaction may take its place in the order before it commits.
    mutating func reserveOrder(for key: String) -> Int64? {
        guard waits.count == 1, waits[key] != nil, inFlight.isEmpty, durable.isEmpty else { return nil }
        lastOrder += 1
        return lastOrder
    }

    /// Numbers a completion that is about to be handed to the journal; nil if nobody waits for it any more.
    mutating func complete(
        _ key: String, reserved: Int64? = nil, at time: Microseconds, _ make: (_ order: Int64, _ finished: Microseconds) -> StepRecord
    ) -> StepRecord? {
        guard stop == nil, !isEnded, let wait = waits[key], !wait.isRecorded else { return nil }
        wait.isRecorded = true
        return numbered(reserved, at: time, make)
    }

    /// As `complete`, for the end of a child that need not be awaited.
    mutating func completeChild(
        _ key: String, at time: Microseconds, _ make: (_ order: Int64, _ finished: Microseconds) -> StepRecord
    ) -> StepRecord? {
        guard stop == nil, !isEnded else { return nil }
        if let wait = waits[key] {
            if wait.isRecorded { return nil }
            wait.isRecorded = true
        }
        return numbered(at: time, make)
    }

    /// As `complete`, for what comes by itself: an external cancel.
    mutating func numbered(
        _ reserved: Int64? = nil, at time: Microseconds, _ make: (_ order: Int64, _ finished: Microseconds) -> StepRecord
    ) -> StepRecord {
        let order = reserved ?? lastOrder + 1
        lastOrder = max(lastOrder, order)
        lastFinished = max(lastFinished, time)
        let record = make(order, lastFinished)
        inFlight[order] = record
        return record
    }

    /// The database has it, as `record` (which another may have written first).
    mutating func resolved(_ order: Int64, _ record: StepRecord?) {
        guard let mine = inFlight.removeValue(forKey: order) else { return }
        patches.resolved(order)
        if mine.kind == .order, let key = mine.orderedKey, var named = unordered.removeValue(forKey: key) {
            named.finished = max(named.finished, mine.finished)
            durable[order] = named
        } else {
            durable[order] = record ?? mine
        }
    }

    /// A transaction has committed without a place: remembered until its `order` row is durable.
    mutating func rememberUnordered(_ record: StepRecord) { unordered[record.key] = record }

    /// The row that gives a transaction without a place the one of the completion that met it.
    mutating func place(_ record: StepRecord, at order: Int64) -> StepRecord? {
        guard let mine = inFlight[order] else { return nil }
        let row = StepRecord(placeOf: record, order, at: mine.finished)
        unordered[record.key] = record
        inFlight[order] = row
        return row
    }

    /// What is to be recorded instead of a completion that the database refused.
    func refused(_ order: Int64, _ payload: EncodedPayload) -> StepRecord? {
        // A place without the row that has it would be a history that nobody can replay.
        guard var record = inFlight[order], record.error != payload, record.kind != .order else { return nil }
        record.output = nil
        record.error = payload
        return record
    }

    mutating func replace(_ order: Int64, _ record: StepRecord) { inFlight[order] = record }

    mutating func appendHistory(_ page: [StepRecord], isComplete: Bool) {
        history = (Array(history) + page)[...]
        historyIsComplete = isComplete
        isLoading = false
    }
}

// MARK: - Delivery

extension RunState {
    /// What happens now that nothing is left to run.
    mutating func next() -> Delivery {
        if stop != nil { return unwind() }
        if !isLive { return replayed() }
        while let record = durable.removeValue(forKey: nextDelivery) {
            nextDelivery += 1
            if let delivery = deliver(record) {
                delivered = nextDelivery - 1
                return delivery
            }
        }
        if let result = rootResult, !isEnded, inFlight.isEmpty, durable.isEmpty {
            isEnded = true
            return .finish(result)
        }
        if !held.isEmpty, !isQuiet, !patches.isWaiting, !awaitsCancel { return beginHeld() }
        if control.interventions.isEmpty { return .nothing }
        let asked = takeInterventions()
        return asked.isEmpty ? .nothing : .intervene(asked)
    }

    private mutating func replayed() -> Delivery {
        while var record = history.popFirst() {
            lastOrder = record.order ?? lastOrder
            if !turns.isEmpty, let turn = turns.last(where: { $0.place == lastOrder }) { record.finished = max(record.finished, turn.at) }
            lastFinished = max(lastFinished, record.finished)
            if let delivery = deliver(record) {
                delivered = lastOrder
                return delivery
            }
        }
        guard historyIsComplete else {
            if isLoading { return .nothing }
            isLoading = true
            return .load(after: lastOrder)
        }
        if isQuiet { return .nothing }
        isLive = true
        nextDelivery = lastOrder + 1
        abandoned = [:]
        return awaitsCancel ? .begin([]) : beginHeld()
    }

    private mutating func beginHeld() -> Delivery {
        let keys = held
        held = []
        for key in keys { waits[key]?.begun = true }
        // Until it parks again there is nobody to be resumed.
        return .begin(
            keys.compactMap { key in
                defer { waits[key]?.parked = nil }
                return waits[key]?.parked
            })
    }

    /// nil if the record is skipped: its wait was cancelled, or nothing waits for its kind.
    private mutating func deliver(_ record: StepRecord) -> Delivery? {
        // The code was told when it asked, or asks no more.
        if record.kind == .patch { return nil }
        var record = record
        if record.kind == .order, let key = record.orderedKey {
            guard let named = unordered.removeValue(forKey: key) else {
                return .diverged(WorkflowError(.nondeterminism, "the history gives a place to '\(key)', which it does not hold"))
            }
            let finished = record.finished
            record = named
            record.finished = max(record.finished, finished)
        }
        if record.kind == .cancel {
            now = max(now, record.finished)
            cancellation = cancellation ?? record.cancelReason
            return .cancelTask
        }
        guard let wait = waits[record.key] else {
            if record.kind == .childResult {
                // Nobody has asked for it yet; whoever does finds it here.
                now = max(now, record.finished)
                early[record.key] = record
                return nil
            }
            guard let address = abandoned.removeValue(forKey: record.key) else { return .diverged(unexpected(record)) }
            return address.flatMap { comeBack(record, $0) }
        }
        guard wait.kind == record.kind || wait.kind == .receive && record.kind == .receiveAgain else {
            return .diverged(otherKind(record, wait))
        }
        now = max(now, record.finished)
        remove(record.key)
        if record.kind == .receiveAgain, let mail = wait.mail { mailbox.settled(record.output, mail.address) }
        if !pending.isEmpty { pending[record.key] = nil }
        if record.kind == .childStart || record.kind == .childrenStart { newChildren[record.key] = record }
        return .resume(wait.parked, record)
    }

    /// What a cancelled receive had been given is for the next one.
    private mutating func comeBack(_ record: StepRecord, _ address: Mailbox.Address) -> Delivery? {
        mailbox.comeBack(record.output, again: record.kind == .receiveAgain, address)
        return isLive ? .match(address) : nil
    }

    private mutating func unwind() -> Delivery {
        guard let error = stop?.error, stop?.isUnwound == false else { return .nothing }
        stop?.isUnwound = true
        // A child is not this process's work: it goes on, and its end is there when the workflow runs again.
        let all = waits.values.map { ($0.parked, $0.isForChildren ? nil : $0.cancelWork) }
        waits = [:]
        return .unwind(all, error)
    }
}

// MARK: - Children, cancel, end

extension RunState {
    /// The result of a child that came before it was asked for.
    mutating func takeEarly(_ key: String) -> StepRecord? { early.removeValue(forKey: key) }

    mutating func rootReturned(_ result: Result<EncodedPayload, any Error>) { rootResult = result }

    /// Ends the run in this process; each call throws `error`.
    ///
    /// False if it had ended already.
    mutating func stop(_ error: any Error, closes: Bool = false) -> Bool {
        guard stop == nil, !isEnded else { return false }
        stop = Stop(error: error, closes: closes)
        return true
    }

    private var awaitsCancel: Bool { cancelsFirst && cancellation == nil }
    var isBeingCancelled: Bool { cancellation != nil || isCancelOnItsWay }

    /// True for the first who asks for a cancel; there is one in a history.
    mutating func claimCancel() -> Bool {
        guard cancellation == nil, !isCancelOnItsWay else { return false }
        isCancelOnItsWay = true
        return true
    }

    /// From now on no work begins; what runs may end.
    mutating func quiesce() { isQuiet = true }
}
