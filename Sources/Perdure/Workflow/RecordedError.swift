/// An error of a step or a workflow whose type is not among the workflow's ``Workflow/errors``.
///
/// The workflow catches this same value on the first run and on every replay.
public struct RecordedError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The name of the error's type.
    public var type: String
    /// The error's description.
    public var message: String

    /// Makes an error.
    public init(type: String, message: String) {
        self.type = type
        self.message = message
    }

    /// The type and the message.
    public var description: String { "\(type): \(message)" }
}

/// An error that says when the step may be tried again; as Temporal's next retry delay.
public protocol RetryAfterError: Error {
    /// How long to wait at least, instead of the interval of the policy; nil leaves it to the policy.
    var retryAfter: Duration? { get }
}

/// An error that another attempt cannot cure; as Temporal's non-retryable failure.
public protocol NonRetryableError: Error {}

/// Decides, when an error is recorded, whether it is recorded as itself.
package struct ErrorRegistry: Sendable {
    package typealias Registered = any (Error & Codable & Sendable).Type
    private let types: [String: Registered]

    package init(_ registered: [Registered] = []) {
        var types: [String: Registered] = [Self.name(of: WorkflowError.self): WorkflowError.self]
        for type in registered { types[Self.name(of: type)] = type }
        self.types = types
    }

    static func name(of type: any Error.Type) -> String { TypeNames.name(of: type) }

    private struct Header: Codable {
        var type: String
        var message: String
    }

    private struct Envelope<Value: Codable>: Codable {
        var type: String
        var message: String
        var value: Value
    }

    private static let cancellation = "CancellationError"

    /// What is stored of an error.
    ///
    /// Never fails: what cannot be encoded as itself is stored as type and message.
    package func record(_ error: any Error, with coder: PayloadCoder) -> EncodedPayload {
        if let recorded = error as? RecordedError { return plain(recorded.type, recorded.message, coder) }
        let name = Self.name(of: type(of: error))
        if let registered = types[name], let value = error as? any (Error & Codable & Sendable), type(of: value) == registered,
            let payload = envelope(value, name: name, coder)
        {
            return payload
        }
        return plain(error is CancellationError ? Self.cancellation : name, "\(error)", coder)
    }

    private func envelope<Value: Error & Codable & Sendable>(_ value: Value, name: String, _ coder: PayloadCoder) -> EncodedPayload? {
        try? coder.encode(Envelope(type: name, message: "\(value)", value: value), what: "an error")
    }

    private func plain(_ type: String, _ message: String, _ coder: PayloadCoder) -> EncodedPayload {
        // Escaped, a byte may become six.
        let room = max(64, coder.limit / 8)
        let short = message.utf8.count <= room ? message : String(decoding: message.utf8.prefix(room), as: UTF8.self)
        let header = Header(type: type, message: short)
        return (try? coder.encode(header, what: "an error")) ?? EncodedPayload(codec: 0, bytes: [])
    }

    /// The error that is thrown for what was stored.
    package func restore(_ payload: EncodedPayload, with coder: PayloadCoder) -> any Error {
        guard let header = try? coder.decode(Header.self, from: payload, what: "an error") else {
            return RecordedError(type: "unknown", message: "the recorded error cannot be decoded")
        }
        if header.type == Self.cancellation { return CancellationError() }
        if let type = types[header.type], let error = value(of: type, payload, coder) { return error }
        return RecordedError(type: header.type, message: header.message)
    }

    private func value<Value: Error & Codable & Sendable>(
        of type: Value.Type, _ payload: EncodedPayload, _ coder: PayloadCoder
    ) -> (any Error)? {
        try? coder.decode(Envelope<Value>.self, from: payload, what: "an error").value
    }
}
