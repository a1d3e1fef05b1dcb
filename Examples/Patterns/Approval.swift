package import Perdure

/// An expense that somebody must approve in time, or that goes to the next in line.
package struct Approval: Workflow {
    package struct Expense: Codable, Sendable {
        package var purpose: String
        package var amount: Int
        /// How long each of them has.
        package var patience: Duration
        package var approvers: [String]

        package init(purpose: String, amount: Int, patience: Duration, approvers: [String]) {
            self.purpose = purpose
            self.amount = amount
            self.patience = patience
            self.approvers = approvers
        }
    }

    package struct Verdict: Codable, Sendable, Equatable {
        package var isGranted: Bool
        package var by: String

        package init(isGranted: Bool, by: String) {
            self.isGranted = isGranted
            self.by = by
        }
    }

    /// Tells people; in production a mail.
    let notify: @Sendable (_ person: String, _ text: String) async throws -> Void

    package init(notify: @escaping @Sendable (_ person: String, _ text: String) async throws -> Void) { self.notify = notify }

    package func run(_ expense: Expense, in context: WorkflowContext) async throws -> Verdict {
        for approver in expense.approvers {
            try await context.step("ask", id: approver) {
                try await notify(approver, "\(expense.purpose): \(expense.amount), please decide")
            }
            // Anybody can look at whom it waits for, also in an hour, and in another process.
            try await context.publish(.waitsFor, approver)
            // A workflow that waits for days is a row, and so is the deadline.
            if let verdict = try await context.receive(.verdict, timeout: expense.patience) { return verdict }
        }
        return Verdict(isGranted: false, by: "nobody in time")
    }
}

extension Topic where Message == Approval.Verdict { package static let verdict = Topic("verdict") }
extension EventKey where Value == String { package static let waitsFor = EventKey("waits for") }
