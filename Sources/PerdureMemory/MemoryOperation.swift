package import Perdure

/// A call of the in-memory store, as a test that injects faults sees it.
package struct MemoryOperation: Sendable {
    /// Which call.
    package enum Kind: Sendable, Hashable, CaseIterable {
        case open, openWriter, commit
        case load, history, inbox, openChildren, groupEnds, archive
        case register, renew, reap, lead, tidy, retire
        case openClaimer, scout, claim, displace, claimExpired, slots, free
        case claimDue, claimArrived, nextSuspect, claimSuspects, owned, nextDue, arrivals
        case declare, queueRows, changeQueue, queueCounts, deadLetters, redrive, addItems, gather
        case schedules, changeSchedule, declareSchedules, nextSchedule, fireSchedules
        case numberBlock, start, numberOfID, status, endings, newestRuns, firstRun, deliver, send, resume, succeed
        case events, stream, streamEnds, reply, intervene, interventions, pause, resumePaused, ask, setAttributes, discard
        case pauses, putPause, wakeHeld, search, count
        case begin, transactionStart, transactionAddItems, transactionDeliver, transactionSend, transactionResume, transactionSucceed,
            transactionNumberOfID,
            transactionStatus, transactionRecorded
        case transactionCommit
        case listen, notify, schemaVersion
    }

    /// When an error strikes.
    package enum Moment: Sendable, Hashable {
        /// Nothing has happened: an error means that nothing will.
        case before
        /// It is done: an error means that the reply was lost.
        case after
    }

    package var kind: Kind
    package var moment: Moment
    /// Who calls, where it is an executor.
    package var executor: ExecutorID?
    /// What a `commit` writes.
    package var commands: [Command] = []

    package init(kind: Kind, moment: Moment, executor: ExecutorID? = nil, commands: [Command] = []) {
        self.kind = kind
        self.moment = moment
        self.executor = executor
        self.commands = commands
    }
}

/// Decides whether an operation fails; called without a lock, on the caller's thread.
package typealias MemoryFaults = @Sendable (MemoryOperation) -> StoreError?

/// A structure, because a function would be the state of a lock; see `Lock`.
struct FaultHook: Sendable {
    var faults: MemoryFaults?
}
