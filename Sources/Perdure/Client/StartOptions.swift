/// How a workflow is started, beyond what and with which id.
public struct StartOptions: Sendable {
    /// What happens if an open run has the id.
    public var conflictPolicy: IDConflictPolicy
    /// What happens if a closed run has the id.
    public var reusePolicy: IDReusePolicy
    /// The workflow is cancelled as timed out when it takes longer than this, counted from its start.
    ///
    /// As Temporal's execution timeout.
    public var timeout: Duration?
    /// The workflow does not begin before this has passed.
    ///
    /// As Temporal's start delay.
    public var delay: Duration?
    /// What the workflow is found by; shown in the views, and kept with it.
    ///
    /// At most 64. They are stored as JSON, whatever the codec is.
    public var attributes: [String: SearchAttribute]
    /// The application version that may run it; nil takes the engine's own, or any for a client.
    public var version: String?

    /// Makes options; all have defaults.
    public init(
        conflictPolicy: IDConflictPolicy = .useExisting, reusePolicy: IDReusePolicy = .useExisting, timeout: Duration? = nil,
        delay: Duration? = nil, attributes: [String: SearchAttribute] = [:], version: String? = nil
    ) {
        self.conflictPolicy = conflictPolicy
        self.reusePolicy = reusePolicy
        self.timeout = timeout
        self.delay = delay
        self.attributes = attributes
        self.version = version
    }

    package var policies: IDPolicies { IDPolicies(conflict: conflictPolicy, reuse: reusePolicy) }
}
