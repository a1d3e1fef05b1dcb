/// How a new run under the id of an earlier one is started.
public struct NewRunOptions: Sendable, Hashable {
    /// The application version that may run it; nil is that of the earlier run.
    public var version: String?
    /// Who asks for it: stored with the new run, for people.
    public var by: String?
    /// Why it is asked for: stored with the new run, for people.
    public var reason: String?
    /// Whether a run that has not ended is terminated first, and its end waited for; otherwise it is an error.
    ///
    /// It is not terminated for a new run that would be refused: one from a step that is not there, or with a child that would outlive it.
    public var terminatesFirst: Bool

    /// As the earlier run, unless something else is said.
    public init(version: String? = nil, by: String? = nil, reason: String? = nil, terminatesFirst: Bool = false) {
        self.version = version
        self.by = by
        self.reason = reason
        self.terminatesFirst = terminatesFirst
    }
}
