internal import Perdure

/// What an error of the server means to a caller, by its SQLSTATE: the class says what is to be done.
enum SQLState {
    /// Raised by the fence: the executor has lost its lease.
    static let fenced = "PD001"
    /// A row of that key is there already.
    static let duplicate = "23505"

    static func code(_ state: String) -> StoreError.Code {
        switch state {
        case fenced: return .fenced
        // A lock was not had in time; a statement was cancelled by a timeout or a person. Nothing is written.
        case "55P03", "57014": return .transient
        // The server became a standby under us: the next connection finds the new primary.
        case "25006": return .unavailable
        // A session that the server ended because it waited too long inside a transaction.
        case "25P03": return .unavailable
        default: break
        }
        switch state.prefix(2) {
        case "22", "23", "42", "54", "21", "0A": return .rejected
        case "40": return .transient
        case "08", "57": return .unavailable
        case "53", "58": return .full
        case "28", "3D": return .misconfigured
        // An internal error ("tuple concurrently updated", a relation that went while it was opened): nothing is written.
        case "XX": return .transient
        default: return .rejected
        }
    }

    /// The prepared statements are not those that this connection made: somebody between it and the server shares it out.
    static func isPoolerTrouble(_ state: String?) -> Bool { state == "26000" || state == "42P05" }
}

extension StoreError {
    init(_ failure: ServerFailure) {
        guard let state = failure.state else {
            self.init(.unavailable, "the connection to Postgres was lost: \(failure.message.firstLine)")
            return
        }
        if SQLState.isPoolerTrouble(state) {
            self.init(
                .misconfigured,
                "\(failure.message): it looks as if a transaction pooler stands between; connect to Postgres itself, or let the pooler work by session",
                nativeCode: state)
            return
        }
        var message = failure.message
        if let detail = failure.detail { message += " (\(detail))" }
        if let hint = failure.hint { message += "; \(hint)" }
        self.init(SQLState.code(state), message, nativeCode: state)
    }
}

extension String {
    /// libpq's messages end with a newline and may go on over several lines.
    var firstLine: String { String(split(whereSeparator: \.isNewline).first ?? "") }
}
