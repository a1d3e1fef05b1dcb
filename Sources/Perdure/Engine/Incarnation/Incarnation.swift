/// One registration of an engine with its database: a random number, a lease, and the workflows that it owns.
///
/// When the lease is lost all of it is thrown away, and the engine makes another.
package final class Incarnation: Sendable {
    package let id: ExecutorID
    let store: any StoreBackend
    let settings: EngineConfiguration
    let environment: EngineEnvironment
    let registrations: [String: Registration]
    let queues: [QueueRules]
    let schedules: [StoredSchedule]
    /// What is claimed; changes with the limits of the queues.
    private let served: Lock<Repertoire>
    /// Whose turn it is among what is ready.
    package let dispatcher = Lock(Dispatcher())
    /// What is paused, and who waits for that.
    package let holds = Lock(HoldState())
    package let journal: Journal
    let numbers: NumberPool
    let starter: StartBatcher
    let endings: EndingsWatch
    let publications: PublicationsWatch
    let claimer: any Claimer
    package let residency: Lock<Residency>
    package let tally: EngineTally
    let tenure: Tenure
    let pulse: Pulse

    /// What the loops are to look at.
    package let todo = Lock(Todo())
    let work = Signal()
    let mailRoute = Lock(MailRoute())
    let outgoing = Lock(Outgoing())
    let outgoingSignal = Signal()
    let launches = Lock<[Launch]>([])
    let launchSignal = Signal()
    let errands = Lock<[@Sendable () async -> Void]>([])
    let errandSignal = Signal()
    let childrenQuestions = Lock<[ChildrenQuestion]>([])
    let recentOutcomes = Lock(RecentOutcomes())
    let complaints = Lock(LogThrottle<String>())
    private let ending = Lock<End?>(nil)
    private let endSignal = Signal()

    /// Why the incarnation ends.
    package enum End: Sendable {
        case shutdown
        /// A write was refused, and why.
        case fenced(String)

        var isFenced: Bool { if case .fenced = self { true } else { false } }
    }

    package init(
        id: ExecutorID, store: any StoreBackend, settings: EngineConfiguration, environment: EngineEnvironment,
        declarations: Declarations, client: ClientCore, tally: EngineTally
    ) async throws(StoreError) {
        let asked = environment.clock.instant()
        registrations = declarations.workflows
        queues = declarations.queues
        schedules = declarations.schedules
        let repertoire = Repertoire(
            workflows: Set(registrations.keys), versions: settings.servedVersions, queues: Set([""] + queues.map(\.name)),
            // Until their rows are read.
            limited: Set(queues.map(\.name)))
        served = Lock(repertoire)
        let description = ExecutorDescription(label: System.processLabel, terms: settings.terms, repertoire: repertoire)
        tenure = Tenure(until: asked + settings.tenure, clock: environment.clock)
        pulse = Pulse(id, store, settings, environment.clock, tenure)
        let opening = Opening(id, store, environment, pulse, heartbeat: settings.lease / 5)
        let paused = try await store.cutting(after: settings.lease, environment.clock) { () throws(StoreError) in
            try await store.pauses(all: false)
        }
        let (writers, claimer) = try await Self.begin(opening, description)
        self.id = id
        self.store = store
        self.settings = settings
        self.environment = environment
        self.writers = writers
        numbers = client.numbers
        starter = StartBatcher(store: store, owner: id)
        endings = client.endings
        publications = client.publications
        self.claimer = claimer
        self.tally = tally
        residency = Lock(Residency(limit: settings.maximumInMemory))
        let hook = Lock(FenceHook())
        journal = Journal(writers: writers, threads: environment.threads, clock: environment.clock, log: settings.log) {
            hook.withLock { $0.owner }?.fenced($0)
        }
        hook.withLock { $0.owner = self }
        // Before anything is started here.
        carryOut(holds.withLock { $0.adopt(paused, at: environment.clock.now()) })
    }

    private let writers: [any JournalWriter]

    var repertoire: Repertoire { served.withLock { $0 } }

    /// Of these types nothing begins or goes on.
    func pauseTypes(_ types: () -> Set<String>) { served.withLock { $0.pause(types()) } }

    /// These queues hold back what wakes in them.
    func setLimited(_ queues: Set<String>) { served.withLock { $0.limited = queues } }

    /// Registers and connects, or leaves nothing behind.
    private static func begin(
        _ opening: Opening, _ description: ExecutorDescription
    ) async throws(StoreError) -> ([any JournalWriter], any Claimer) {
        let (id, store, clock, lease) = (opening.id, opening.store, opening.environment.clock, description.terms.lease)
        var isRegistered = false
        do throws(StoreError) {
            try await store.cutting(after: lease, clock) { () throws(StoreError) in try await store.register(id, description) }
            isRegistered = true
            return try await opening.open()
        } catch {
            if isRegistered {
                try? await store.cutting(after: Self.farewell, clock) { () throws(StoreError) in try await store.retire(id) }
            }
            store.mend()
            throw error
        }
    }

    var isEnding: Bool { ending.withLock { $0 != nil } }
    var isFenced: Bool { ending.withLock { $0?.isFenced ?? false } }

    package func end(_ end: End) {
        let isFirst = ending.withLock { ending in
            defer { if ending?.isFenced != true { ending = end } }
            return ending == nil
        }
        if isFirst || end.isFenced { endSignal.raise() }
        if end.isFenced {
            tenure.end()
            journal.close(dropping: true)
        }
    }

    /// Runs until the end; then nothing of it is left running, and what it owned is ready for others.
    package func run() async -> End {
        await withTaskExecutorPreference(environment.loops) { await loop() }
    }

    @concurrent private func loop() async -> End {
        do throws(StoreError) { try await declareQueues() } catch { report(error, "the queues could not be declared") }
        await withTaskGroup(of: Void.self) { group in
            journal.run(in: &group)
            group.addTask(executorPreference: claimer.executor ?? environment.loops, operation: claims)
            for loop in [heartbeats, silence, listening, reaping, launching, notifications, errandsLoop, watchdog, duties] {
                group.addTask(executorPreference: environment.loops, operation: loop)
            }
            await endSignal.wait(clock: environment.clock)
            if !isFenced { await drain() }
            stopEverything()
        }
        if let timer = cutTimer.withLock({ $0 }) { clock.cancel(timer) }
        let end = ending.withLock { $0 } ?? .shutdown
        // Also after a fence, which may have fallen for another reason than the lease: then others need not wait for it to run out.
        try? await store.cutting(after: Self.farewell, clock) { () throws(StoreError) in
            try await store.retire(id)
            await store.notify([.ready])
        }
        await claimer.close()
        for writer in writers { await writer.close() }
        store.mend()
        return end
    }

    /// How long the end may take with a database that does not answer.
    private static let farewell = Duration.seconds(5)

    let stopped = Lock(false)
    let isHurried = Lock(false)
    let drainSignal = Signal()
    let loopSignal = Signal()
    let reapSignal = Signal()
    /// When to look for the dead; each heartbeat says it anew.
    let reapAt = Lock<Instant?>(nil)
    let watchdogSignal = Signal()
    let dutySignal = Signal()
    let silenceSignal = Signal()
    let listenSignal = Signal()
    /// When the grace period of a shutdown is over.
    let graceEnd = Lock<Instant?>(nil)
    /// Cuts off what is still waited for then.
    let cutTimer = Lock<TimerID?>(nil)
    /// The sum of the revisions of the queues that are known.
    let knownQueues = Lock<Int64>(0)
    /// The same of what is paused.
    let knownPauses = Lock<Int64>(0)
    /// What the engine declares is not stored yet.
    let hasUndeclaredSchedules = Lock(true)
    /// Schedules that are in no engine's code any more, and that were named in the log.
    let namedOrphans = Lock<Set<String>>([])
    /// How far the inbox was looked through.
    let tidiedUntil = Lock(Int64.min)
}

/// Who is told that a write was refused; set when the journal, which tells it, exists.
private struct FenceHook {
    weak var owner: Incarnation?
}

/// What the claiming loop is to look at.
package struct Todo {
    var ready = true
    /// Something that is known to be ready may be claimed now: a slot is free, a rate allows it.
    var turn = false
    /// There may be room under any limit.
    var freed = false
    var inbox = true
    var due = true
    var suspects = true
    var expired = true
    /// A queue or a schedule has changed.
    var settings = true
    /// Runs of these schedules have ended here.
    var endedRuns: Set<String> = []
    var reset = false
    /// A claim failed, and may have been a commit.
    var sweep = false
    /// Handed back a moment ago: something may have arrived before that.
    var suspended: [WorkflowNumber] = []
    /// When the earliest of those that this engine suspended is due.
    var nextDue: Microseconds = .max
    /// When the next suspect is due, or those that are watched need not be any more.
    var nextSuspect: Microseconds = .max
    /// When the next items have waited for long enough.
    var nextBatch: Microseconds = .max
    /// When the next schedule is due.
    var nextSchedule: Microseconds = .max
    /// When the next pause ends by itself.
    var nextPause: Microseconds = .max
    /// Something holds back no more what waits outside memory, or may not.
    var holds = true

    /// What is to be done now; the moments stay.
    mutating func take() -> Todo {
        defer {
            self = Todo(
                ready: false, inbox: false, due: false, suspects: false, expired: false, settings: false, nextDue: nextDue,
                nextSuspect: nextSuspect, nextBatch: nextBatch, nextSchedule: nextSchedule, nextPause: nextPause, holds: false)
        }
        return self
    }

    /// The next moment at which there is something to do.
    var next: Microseconds { min(nextDue, nextSuspect, min(nextBatch, nextSchedule, nextPause)) }
}

/// Hints for other processes.
struct Outgoing {
    var ready = false
    var inbox = false
    var settings = false
    var ended: [WorkflowNumber] = []
    var published: Set<WorkflowNumber> = []
    var freed: Set<LimitID> = []

    var isEmpty: Bool { !ready && !inbox && !settings && ended.isEmpty && published.isEmpty && freed.isEmpty }

    mutating func take() -> [Wakeup] {
        defer { self = Outgoing() }
        var wakeups = (ready ? [Wakeup.ready] : []) + (inbox ? [.inbox] : []) + (settings ? [.settings] : [])
        if !ended.isEmpty { wakeups.append(.ended(ended)) }
        if !published.isEmpty { wakeups.append(.published(Array(published))) }
        if !freed.isEmpty { wakeups.append(.freed(Array(freed))) }
        return wakeups
    }
}
