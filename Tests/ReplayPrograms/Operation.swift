/// One thing that a random workflow does; a program is a tree of them.
package indirect enum Operation: Sendable {
    case step(StepPlan)
    case transaction(StepPlan)
    case sleep(microseconds: Int)
    /// `now`, `uuid()` and the generator, written into the trace.
    case draw
    case yield
    /// The operations run behind helper functions that hop, so many of them.
    case behind(Helper, depth: Int, [Operation])
    /// What they throw is caught and noted.
    case caught([Operation])
    case asyncLet([Operation], [Operation], beside: [Operation], Awaited)
    case group(GroupKind, [[Operation]], GroupEnd)
    /// The first of a step and a timer cancels the other.
    case race(StepPlan, microseconds: Int)
    case child(ProgramInput, ChildUse)
    /// An actor of the workflow's own, entered by several children, reentrant.
    case ledger([StepPlan])
    /// Children write to a stream, and one reads it.
    case stream([[Operation]])
    case handled([Operation])
    /// Which of them depends on what the workflow saw last.
    case either([Operation], [Operation])
    /// Which of them depends on whether the run has passed the place already.
    case patched([Operation], [Operation])
    case fail(Int)
}

package struct StepPlan: Sendable {
    package var name: String
    /// Keyed by its place in the program; otherwise by its name alone.
    package var hasID: Bool
    /// How many hops there are before the call.
    package var hops = 0
    package var fault: Fault = .none
    /// How many attempts fail before one may succeed.
    package var failures = 0
    package var attempts = 1
    package var timeout: Duration?
    package var endsWhenCancelled = true
    package var isSlow = false

    package enum Fault: Sendable { case none, registered, unregistered, cancellation }
}

package enum Helper: Sendable, CaseIterable { case concurrent, nonsending, actor, mixed }
package enum Awaited: Sendable, CaseIterable { case both, secondFirst, first, none }
package enum GroupKind: Sendable, CaseIterable { case plain, throwing, discarding, throwingDiscarding }
package enum GroupEnd: Sendable, CaseIterable { case awaitAll, cancelAfterFirst, leave }
package enum ChildUse: Sendable, CaseIterable { case await, startThenAwait, terminate, cancel, abandon }

/// What makes a program: the input of the workflow.
package struct ProgramInput: Codable, Sendable, Hashable {
    package var seed: UInt64
    /// About how many operations.
    package var size: Int
    /// How many generations of children it may have.
    package var generations: Int

    package init(seed: UInt64, size: Int, generations: Int = 1) {
        self.seed = seed
        self.size = size
        self.generations = generations
    }
}

package struct Program: Sendable {
    package var operations: [Operation]
    /// The workflow fails with what the operations throw, instead of noting it.
    package var passesOn: Bool
    /// Somebody asks it to cancel at some moment.
    package var isCancelled: Bool
}
