/// The place of a run among those that were continued as each other.
package struct RunChain: Sendable, Hashable {
    /// The run with which they began: what they publish, append and answer is kept under its number.
    package var first: WorkflowNumber
    /// How many came before.
    package var place: Int64

    package init(first: WorkflowNumber, place: Int64) {
        self.first = first
        self.place = place
    }
}

/// The end of a run and the beginning of the one as which it goes on: the same id, another input, an empty history.
///
/// Everything else that was asked of the earlier run is asked of the new one: its lane, its parent, its attributes, its deadline.
package struct Continuation: Sendable, Hashable {
    package var previous: WorkflowNumber
    package var number: WorkflowNumber
    /// The public id of both.
    package var id: String
    package var input: EncodedPayload
    package var at: Microseconds
    package var origin: String
    package var chain: RunChain
    /// What waits for the new run before all that moves from the earlier one's inbox to its own.
    package var inbox: [InboxItem]
    /// For the inboxes of children that are still open.
    package var closing: [InboxItem]

    package init(
        previous: WorkflowNumber, number: WorkflowNumber, id: String, input: EncodedPayload, at: Microseconds, origin: String = "{}",
        chain: RunChain, inbox: [InboxItem] = [], closing: [InboxItem] = []
    ) {
        self.previous = previous
        self.number = number
        self.id = id
        self.input = input
        self.at = at
        self.origin = origin
        self.chain = chain
        self.inbox = inbox
        self.closing = closing
    }

    package var link: RunLink {
        RunLink(number: number, previous: previous, kind: .continued, at: at, origin: origin, chain: chain)
    }

    /// Of the earlier run; its output is the input of the new one.
    package var outcome: Outcome { Outcome(workflow: previous, status: .continued, output: input, finished: at) }

    /// What is asked of the new run.
    package func record(after earlier: WorkflowRecord) -> WorkflowRecord {
        WorkflowRecord(
            number: number, id: id, lane: earlier.lane, input: input, parent: earlier.parent, attributes: earlier.attributes, created: at,
            deadline: earlier.deadline)
    }

    var size: Int { 160 + id.utf8.count + 2 * input.bytes.count + (inbox.count + closing.count) * 64 }
}

extension InboxItem {
    /// For the workflow's code, and not for the engine.
    package var isMail: Bool { kind == .message || kind == .request }

    /// Whether it is the new run's when its workflow goes on as one: ends of children, and what is asked of a step, are not.
    package var movesOn: Bool {
        switch kind {
        case .cancel, .terminate, .message, .request: true
        case .intervention: isPause
        case .childEnded, .groupEnded: false
        }
    }
}

extension Ending {
    /// The run, if it was continued as another.
    var continued: WorkflowNumber? {
        if case .outcome(let outcome) = self, outcome.status == .continued { outcome.workflow } else { nil }
    }

    /// The same, told of an earlier run.
    func told(of earlier: WorkflowNumber) -> Ending {
        switch self {
        case .outcome(var outcome):
            outcome.workflow = earlier
            return .outcome(outcome)
        case .setAside(_, let reason): return .setAside(earlier, reason: reason)
        }
    }
}

extension ClientStore {
    /// As `endings`; of runs that were continued, how the newest of their chain has ended.
    package func finalEndings(of numbers: [WorkflowNumber]) async throws(StoreError) -> [Ending] {
        let endings = try await endings(of: numbers)
        let continued = endings.compactMap(\.continued)
        if continued.isEmpty { return endings }
        let newest = try await newestRuns(of: continued)
        let found = try await self.endings(of: Array(Set(newest.values))).filter { $0.continued == nil }
        let byNumber = Dictionary(found.map { ($0.workflow, $0) }, uniquingKeysWith: { first, _ in first })
        return endings.filter { $0.continued == nil }
            + newest.sorted { $0.key < $1.key }.compactMap { earlier, newest in byNumber[newest]?.told(of: earlier) }
    }
}
