internal import Perdure

extension Session {
    /// Which server is at the other end now, and how far its log has come.
    ///
    /// Asked anew each time: a pooler keeps its clients' connections over a failover.
    func identify() throws(StoreError) -> ServerIdentity {
        let rows = try answer(Self.server)
        var identity = ServerIdentity(system: nil, timeline: nil, boot: rows.int(0, 0), forgets: rows.bool(0, 1), position: nil)
        if let log = try permitted(Self.log) { (identity.timeline, identity.position) = (log.text(0, 0), log.int(0, 1)) }
        if let system = try permitted(Self.system) { identity.system = system.int(0, 0) }
        return identity
    }

    /// nil where the provider lets nobody call the function, or has none: then the server's start time has to do.
    private func permitted(_ statement: Statement) throws(StoreError) -> Rows? {
        do throws(StoreError) {
            return try answer(statement)
        } catch {
            guard let code = error.nativeCode, ["42501", "42883", "0A000"].contains(code) else { throw error }
            return nil
        }
    }

    /// A server that refuses to say is one that cannot be used now (a standby, which has no end of a log): nothing is wrong with what is asked.
    private func answer(_ statement: Statement) throws(StoreError) -> Rows {
        do throws(StoreError) {
            return try query(statement)
        } catch {
            guard error.nativeCode?.hasPrefix("55") == true else { throw error }
            throw StoreError(.unavailable, error.message, nativeCode: error.nativeCode)
        }
    }

    private static let server = Statement(
        "perdure_server", isPrepared: false,
        """
        SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8, current_setting('synchronous_commit') = 'off'
        """)
    private static let log = Statement("perdure_log", isPrepared: false, "SELECT \(serverTimeline), \(serverPosition)")
    private static let system = Statement("perdure_system", isPrepared: false, "SELECT system_identifier FROM pg_control_system()")
}
