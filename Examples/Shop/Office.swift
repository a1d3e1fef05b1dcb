/// The shop's other services.
///
/// Each takes a moment, so that there is always something to be interrupted.
struct Office: Sendable {
    func reserve(_ item: String) async throws -> String {
        try await work()
        return "shelf \(item.utf8.reduce(0) { $0 + Int($1) } % 40)"
    }

    func writeInvoice(_ order: Order) async throws -> String {
        try await work()
        return "invoice \(order.id) of \(order.cents) cents"
    }

    func pack(_ parcel: Parcel) async throws -> String {
        try await work()
        return "box-\(parcel.order)"
    }

    func handOver(_ number: String) async throws { try await work() }

    /// The body of a step may do anything; only the code between the steps must not.
    private func work() async throws { try await Task.sleep(for: .milliseconds(.random(in: 20...150))) }
}
