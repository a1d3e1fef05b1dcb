/// Why a workflow was asked to cancel; the output of its `@cancel` row.
package enum CancelReason: String, Codable, Sendable {
    case requested
    case timedOut

    /// JSON text, so that a view shows it.
    var payload: EncodedPayload { EncodedPayload(codec: 1, bytes: Array("\"\(rawValue)\"".utf8)) }

    init?(payload: EncodedPayload) {
        self.init(rawValue: String(decoding: payload.bytes.dropFirst().dropLast(), as: UTF8.self))
    }
}

/// Why a run goes no further in this process, and how its code is told.
struct Stop {
    /// Code that swallows the error and calls again would spin for ever: after so many throws a call is never resumed.
    static let throwLimit = 64

    var error: any Error
    /// The workflow has ended with it.
    var closes = false
    var throwsLeft = Stop.throwLimit
    /// What is waiting has been resumed.
    var isUnwound = false
}
