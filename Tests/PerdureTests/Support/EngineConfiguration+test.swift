import Perdure

extension EngineConfiguration {
    /// Short leases, and silence.
    static var test: EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.lease = .milliseconds(500)
        configuration.shutdownGrace = .seconds(1)
        configuration.log = { _, _ in }
        return configuration
    }
}
