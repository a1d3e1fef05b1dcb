internal import Testing

/// What was waited for has not come.
struct StillSo: Error, CustomStringConvertible {
    let location: SourceLocation

    var description: String { "still so after \(waitLimit): the condition at \(location.fileName):\(location.line)" }
}

private let waitLimit = Duration.seconds(60)

/// Returns when the condition no longer holds, and throws if it holds for a minute.
///
/// It sleeps between two looks: one test that spins on each thread of a small machine, and nothing that they wait for would ever come.
func waitWhile(
    sourceLocation: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + waitLimit
    while try await isSo() {
        guard ContinuousClock.now < end else { throw StillSo(location: sourceLocation) }
        try await Task.sleep(for: .milliseconds(1))
    }
}
