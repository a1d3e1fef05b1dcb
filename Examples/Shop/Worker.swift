import Foundation
import Perdure

/// A process that runs the shop's workflows until it is killed, or its standard input ends.
struct Worker {
    let database: ShopDatabase
    let paymentLog: String

    func run() async throws {
        let payments = try PaymentService(log: paymentLog)
        let engine = try await Engine(store: database.store, configuration: database.configuration) {
            Checkout(payments: payments, office: Office())
            Ship(office: Office())
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            group.addTask { await endOfInput() }
            try await group.next()
            group.cancelAll()
        }
        await engine.close()
    }

    /// The supervisor holds the other end: it ends when that does.
    @concurrent private func endOfInput() async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                while readLine() != nil {}
                continuation.resume()
            }
        }
    }
}
