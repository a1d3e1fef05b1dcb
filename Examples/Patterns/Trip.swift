package import Perdure

/// A saga: three bookings at three companies, all or none.
package struct Trip: Workflow {
    package struct Plan: Codable, Sendable {
        package var traveller: String
        package var city: String

        package init(traveller: String, city: String) {
            self.traveller = traveller
            self.city = city
        }
    }

    /// A company that books and cancels, each as often as it is asked to under one key.
    package protocol Company: Sendable {
        func book(_ plan: Plan, key: String) async throws -> String
        func cancel(_ plan: Plan, key: String) async throws
    }

    let hotel, train, museum: any Company

    package init(hotel: any Company, train: any Company, museum: any Company) {
        (self.hotel, self.train, self.museum) = (hotel, train, museum)
    }

    package func run(_ plan: Plan, in context: WorkflowContext) async throws -> [String] {
        var bookings: [String] = []
        for (name, company) in [("hotel", hotel), ("train", train), ("museum", museum)] {
            // Registered first: a booking whose answer was lost is cancelled too, and to cancel what was not booked changes nothing.
            try context.onFailure("cancel \(name)") { step in try await company.cancel(plan, key: step.idempotencyKey) }
            bookings.append(
                try await context.step("book \(name)", retry: .exponential(attempts: 3, initialInterval: .milliseconds(20))) { step in
                    try await company.book(plan, key: step.idempotencyKey)
                })
        }
        return bookings
    }
}
