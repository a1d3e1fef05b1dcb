/// Where messages of one type arrive in a workflow.
///
/// ```swift
/// extension Topic where Message == Approval { static let approval = Topic("approval") }
/// ```
public struct Topic<Message: Payload>: Sendable, Hashable {
    /// At most 512 bytes.
    public let name: String

    /// Makes a topic; two of the same name are the same.
    public init(_ name: String) { self.name = name }
}

/// A value that a workflow publishes, and that anybody can read or await: its queryable state.
///
/// ```swift
/// extension EventKey where Value == Int { static let percent = EventKey("percent") }
/// ```
public struct EventKey<Value: Payload>: Sendable, Hashable {
    /// At most 512 bytes.
    public let name: String

    /// Makes a key; two of the same name are the same.
    public init(_ name: String) { self.name = name }
}

/// A sequence of values that a workflow and its steps append to, and that anybody can read while it grows.
///
/// ```swift
/// extension StreamKey where Element == String { static let tokens = StreamKey("tokens") }
/// ```
public struct StreamKey<Element: Payload>: Sendable, Hashable {
    /// At most 512 bytes.
    public let name: String

    /// Makes a key; two of the same name are the same.
    public init(_ name: String) { self.name = name }
}

/// A question to a running workflow that it answers; as Temporal's updates.
///
/// ```swift
/// extension RequestKey where Input == Address, Output == Receipt { static let changeAddress = RequestKey("change address") }
/// ```
public struct RequestKey<Input: Payload, Output: Payload>: Sendable, Hashable {
    /// At most 512 bytes.
    public let name: String

    /// Makes a key; two of the same name are the same.
    public init(_ name: String) { self.name = name }
}
