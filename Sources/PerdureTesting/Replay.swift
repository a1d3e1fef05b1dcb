public import Perdure

/// A history that the code at hand would not go on with.
public struct ReplayFailure: Error, CustomStringConvertible {
    /// What was found.
    public let report: ReplayReport

    /// The workflow, and what is wrong with it.
    public var description: String { report.description }
}

/// Runs a workflow's code over a recorded history, and throws if the two do not agree.
///
/// ```swift
/// @Test(arguments: try HistoryExport.read("Histories/checkout.jsonl"))
/// func oldCheckoutsGoOn(_ history: HistoryExport) async throws {
///     try await replay(history, of: Checkout(payments: .mock))
/// }
/// ```
///
/// No body of a step runs and nothing is written. Breakpoints in `run` stop where it once was: under a debugger there is no limit of time.
///
/// - Parameters:
///   - history: What was recorded; see ``Client/exportHistory(of:)``.
///   - timeLimit: When to give up on code that loops or blocks; nil is never.
///   - configuration: Of it the codec matters.
///   - workflows: The code, as an engine takes it.
/// - Throws: ``ReplayFailure``, which says where they part.
@discardableResult
public func replay(
    _ history: HistoryExport, timeLimit: Duration? = .seconds(10), configuration: EngineConfiguration = EngineConfiguration(),
    @DeclarationBuilder workflows: () -> [Declaration]
) async throws -> ReplayReport {
    let replayer = try Replayer(configuration: configuration, workflows: workflows)
    let report = await replayer.replay(history, timeLimit: timeLimit)
    guard report.verdict.isConsistent else { throw ReplayFailure(report: report) }
    return report
}

/// Runs a workflow's code over a recorded history; see ``replay(_:timeLimit:configuration:workflows:)``.
@discardableResult
public func replay<W: Workflow>(
    _ history: HistoryExport, of workflow: W, timeLimit: Duration? = .seconds(10)
) async throws -> ReplayReport where W.Input: Codable, W.Output: Codable {
    try await replay(history, timeLimit: timeLimit) { workflow }
}

/// Runs the code of a workflow that returns nothing; see ``replay(_:timeLimit:configuration:workflows:)``.
@discardableResult
public func replay<W: Workflow>(
    _ history: HistoryExport, of workflow: W, timeLimit: Duration? = .seconds(10)
) async throws -> ReplayReport where W.Input: Codable, W.Output == Void {
    try await replay(history, timeLimit: timeLimit) { workflow }
}

/// Runs the code of a workflow that takes nothing; see ``replay(_:timeLimit:configuration:workflows:)``.
@discardableResult
public func replay<W: Workflow>(
    _ history: HistoryExport, of workflow: W, timeLimit: Duration? = .seconds(10)
) async throws -> ReplayReport where W.Input == Void, W.Output: Codable {
    try await replay(history, timeLimit: timeLimit) { workflow }
}

/// Runs the code of a workflow that takes and returns nothing; see ``replay(_:timeLimit:configuration:workflows:)``.
@discardableResult
public func replay<W: Workflow>(
    _ history: HistoryExport, of workflow: W, timeLimit: Duration? = .seconds(10)
) async throws -> ReplayReport where W.Input == Void, W.Output == Void {
    try await replay(history, timeLimit: timeLimit) { workflow }
}
