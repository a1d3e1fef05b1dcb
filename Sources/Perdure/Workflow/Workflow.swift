/// A durable function: its steps are checkpointed, and it resumes where it stopped, in whatever process.
///
/// ```swift
/// struct Greet: Workflow {
///     let mail: MailClient
///
///     func run(_ name: String, in context: WorkflowContext) async throws {
///         try await context.step("greet") { try await mail.send("Hello, \(name)!") }
///         try await context.sleep(for: .days(30))
///         try await context.step("ask") { try await mail.send("Still there, \(name)?") }
///     }
/// }
/// ```
///
/// After a crash `run` is called again and every completed step returns what it returned before, so the code between the steps must take the
/// same path each time: what comes from outside belongs in a step. Dependencies are plain properties.
public protocol Workflow: Sendable {
    /// `Void`, or `Codable & Sendable`; enforced where a workflow is registered and started.
    associatedtype Input: Sendable
    /// `Void`, or `Codable & Sendable`; enforced where a workflow is registered and awaited.
    associatedtype Output: Sendable

    /// The durable name; the type's name unless given. At most 512 bytes.
    static var name: String { get }

    /// The errors that are recorded as themselves and thrown as themselves, to the workflow and to those who wait for it.
    ///
    /// Every other error becomes a ``RecordedError``, on the first run as on each replay. The names of the types must differ.
    static var errors: [any (Error & Codable & Sendable).Type] { get }

    /// The workflow itself.
    func run(_ input: Input, in context: WorkflowContext) async throws -> Output
}

extension Workflow {
    /// The type's name.
    public static var name: String { TypeNames.name(of: Self.self) }
    /// None.
    public static var errors: [any (Error & Codable & Sendable).Type] { [] }
}
