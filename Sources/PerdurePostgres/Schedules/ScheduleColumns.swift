internal import Perdure

/// A row of `schedule_rows`, both ways.
enum ScheduleColumns {
    private static let columns = [
        ("name", "text"), ("definition", "text"), ("input", "bytea"), ("codec", "int4"), ("declared", "text"), ("revision", "int8"),
        ("handled", "int8"), ("due", "int8"), ("next", "int8"), ("waiting", "text"), ("backfills", "text"), ("open", "text"),
        ("runs_left", "int8"), ("paused_at", "int8"), ("pause_reason", "text"), ("started", "int8"), ("skipped", "int8"),
        ("missed", "int8"), ("dropped", "int8"), ("last_at", "int8"), ("last_id", "text"), ("triggered", "int8"),
    ]

    static var names: [String] { columns.map(\.0) }
    /// `$1::text`, and so on.
    static var values: [String] { columns.enumerated().map { "$\($0.offset + 1)::\($0.element.1)" } }
    static var count: Int { columns.count }

    static func parameters(_ row: ScheduleRow) throws(StoreError) -> [ParameterBuffer?] {
        let state = row.state
        return [
            try .text(row.name), try .text(row.text), .bytes(row.input.bytes), .int4(Int32(row.input.codec)), try text(row.declared),
            .int8(row.revision), .int8(state.handled), .int8(state.due), .int8(state.next), try .text(state.waiting.words),
            try .text(state.backfills.words), try .text(state.open.words), .int8(state.runsLeft.map(Int64.init)), .int8(state.paused),
            try text(state.pauseReason), .int8(state.started), .int8(state.skipped), .int8(state.missed), .int8(state.dropped),
            .int8(state.lastAt), try text(state.lastID), .int8(state.triggered),
        ]
    }

    private static func text(_ text: String?) throws(StoreError) -> ParameterBuffer? {
        if let text { try .text(text) } else { nil }
    }
}

extension Rows {
    /// The columns of `ScheduleColumns`.
    func schedule(_ row: Int) -> ScheduleRow {
        var state = ScheduleState(handled: int(row, 6), due: int(row, 7), runsLeft: optionalInt(row, 12).map(Int.init))
        state.next = optionalInt(row, 8)
        state.waiting = [ScheduledStart](words: text(row, 9))
        state.backfills = [ScheduleBackfill](words: text(row, 10))
        state.open = [ScheduledRun](words: text(row, 11))
        (state.paused, state.pauseReason) = (optionalInt(row, 13), optionalText(row, 14))
        (state.started, state.skipped, state.missed, state.dropped) = (int(row, 15), int(row, 16), int(row, 17), int(row, 18))
        (state.lastAt, state.lastID, state.triggered) = (optionalInt(row, 19), optionalText(row, 20), int(row, 21))
        return ScheduleRow(
            name: text(row, 0), text: text(row, 1), input: EncodedPayload(codec: int16(row, 3), bytes: bytes(row, 2)),
            declared: optionalText(row, 4), revision: int(row, 5), state: state)
    }
}
