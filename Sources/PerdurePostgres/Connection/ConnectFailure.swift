internal import Perdure

/// Sorts why no connection came about.
///
/// libpq gives only text here, no SQLSTATE, so it is the text that is looked at.
enum ConnectFailure {
    static func error(_ text: String, at address: ServerAddress) -> StoreError {
        let message = address.hiding(text.firstLine)
        let place = address.description
        func contains(_ parts: String...) -> Bool { parts.contains { text.contains($0) } }

        if contains("password authentication failed", "no password supplied", "authentication failed") {
            return StoreError(
                .misconfigured,
                "Postgres at \(place) refuses the user or the password: correct the URL, PGPASSWORD or ~/.pgpass (\(message))",
                nativeCode: "28P01")
        }
        if contains("does not exist"), contains("database") {
            return StoreError(
                .misconfigured, "the database of \(place) does not exist: create it (createdb), or correct the URL (\(message))",
                nativeCode: "3D000")
        }
        if contains("does not exist"), contains("role") {
            return StoreError(
                .misconfigured, "the user of \(place) does not exist: create it (createuser), or correct the URL (\(message))",
                nativeCode: "28000")
        }
        // As a pooler says it.
        if contains("no such user", "no such database") {
            return StoreError(
                .misconfigured, "the user or the database of \(place) does not exist: create it, or correct the URL (\(message))",
                nativeCode: contains("no such user") ? "28000" : "3D000")
        }
        if contains("permission denied for database", "no pg_hba.conf entry", "is not permitted to log in") {
            return StoreError(
                .misconfigured, "Postgres at \(place) does not let this user in: grant it CONNECT, or allow it in pg_hba.conf (\(message))",
                nativeCode: "28000")
        }
        if contains("too many clients", "remaining connection slots", "too many connections") {
            return StoreError(
                .full, "Postgres at \(place) has no connection left: raise max_connections, or stop what holds them (\(message))",
                nativeCode: "53300")
        }
        if contains("session is read-only", "session is not read-only") {
            return StoreError(
                .misconfigured, "no server of \(place) accepts writes: point the URL at the primary (\(message))", nativeCode: "25006")
        }
        if contains(
            "invalid connection option", "invalid port", "invalid integer value", "invalid sslmode", "root certificate",
            "certificate verify failed")
        {
            return StoreError(.misconfigured, "the URL of Postgres \(place) cannot be used: \(message)")
        }
        return StoreError(
            .unavailable, "Postgres cannot be reached at \(place): is it running, and is the address right? (\(message))",
            nativeCode: "08001")
    }
}
