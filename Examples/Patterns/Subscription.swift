internal import FoundationEssentials
package import Perdure

/// A subscription that lives for years: it bills each period, and takes what its customer asks in between.
///
/// Its history would grow with each period, and with it each replay. So it goes on as a new run now and then, under the same id.
package struct Subscription: Workflow {
    package struct State: Codable, Sendable, Equatable {
        package var customer: String
        package var plan: String
        /// How many periods were billed, by all runs together.
        package var periods = 0
        package var paid = 0

        package init(customer: String, plan: String) {
            self.customer = customer
            self.plan = plan
        }
    }

    package enum Wish: Codable, Sendable {
        case change(plan: String)
        case cancel
    }

    package protocol Billing: Sendable {
        /// Takes the price of a period; twice under one key is once.
        func charge(_ customer: String, for plan: String, key: String) async throws -> Int
    }

    /// How long one period is.
    package static let days = 30
    /// After so many the history begins anew.
    package static let periodsOfARun = 4

    let billing: any Billing

    package init(billing: any Billing) { self.billing = billing }

    package func run(_ input: State, in context: WorkflowContext) async throws -> State {
        var state = input
        for _ in 0..<Self.periodsOfARun {
            let (customer, plan) = (state.customer, state.plan)
            state.paid += try await context.step("charge", retry: .exponential(attempts: 5)) { step in
                try await billing.charge(customer, for: plan, key: step.idempotencyKey)
            }
            state.periods += 1
            try await context.publish(.subscription, state)
            // Wishes are heard at any moment, and the period ends when it does.
            let end = context.now.addingTimeInterval(Double(Self.days) * 86_400)
            while let wish = try await context.receive(.wishes, timeout: .seconds(end.timeIntervalSince(context.now))) {
                switch wish {
                case .change(let plan): state.plan = plan
                case .cancel: return state
                }
                try await context.publish(.subscription, state)
            }
        }
        // Wishes that are on their way are heard by the new run.
        try continueAsNew(state, in: context)
    }
}

extension Topic where Message == Subscription.Wish { package static let wishes = Topic("wishes") }
extension EventKey where Value == Subscription.State { package static let subscription = EventKey("subscription") }
