internal import Perdure

/// What is asked of a workflow from outside, in whatever transaction the session is; written for one schema.
///
/// Not prepared: `live` may be tiny today and large tomorrow, and what has partitions is planned for its number.
struct AccessStatements: Sendable {
    static let outcome = "workflow, status, output, output_codec, error, error_codec, finished"

    private let numberOfID: Statement
    private let workflow: Statement
    private let live: Statement
    private let ending: Statement
    private let pending: Statement
    private let link: Statement
    private let delivery: Statement
    private let resumption: Statement
    let post: Statement

    init(_ s: SchemaName) {
        numberOfID = Statement("perdure_number_of_id", isPrepared: false, "SELECT number FROM \(s).workflow_ids WHERE id = $1::text")
        workflow = Statement(
            "perdure_status", isPrepared: false,
            "SELECT \(WorkflowColumns.names), \(isServed(s)) FROM \(s).workflows w WHERE number = $1::int8")
        live = Statement(
            "perdure_status_live", isPrepared: false,
            """
            SELECT l.state, l.executor, l.due, l.crashes, a.reason, p.by_whom, p.reason, p.asked, CASE WHEN l.state = 0
                AND coalesce(l.due <= \(serverMicroseconds), true) THEN (SELECT \(s).waits_for(w.queue, w.lane_key, l.lane,
                \(isServed(s, queue: false)), \(isServed(s))) FROM \(s).lanes w WHERE w.lane = l.lane) END FROM \(s).live l LEFT JOIN \(s).asides a ON a.number = l.number
            LEFT JOIN LATERAL (SELECT i.by_whom, i.reason, i.asked FROM \(s).interventions i WHERE i.workflow = l.number AND l.state = 5
                AND i.kind = '\(InterventionKind.pause.rawValue)' ORDER BY i.number DESC LIMIT 1) p ON true
            WHERE l.number = $1::int8
            """)
        ending = Statement(
            "perdure_status_outcome", isPrepared: false, "SELECT \(Self.outcome) FROM \(s).outcomes WHERE workflow = $1::int8")
        pending = Statement(
            "perdure_status_pending", isPrepared: false,
            """
            SELECT workflow, key, attempt, started, due, error, error_codec, progress, progress_codec, held_by FROM \(s).pending
            WHERE workflow = $1::int8 ORDER BY key
            """)
        link = Statement(
            "perdure_status_link", isPrepared: false,
            "SELECT \(RunStatements.linkNames) FROM \(s).successors WHERE number = $1::int8")
        delivery = Statement(
            "perdure_delivery", isPrepared: false,
            """
            INSERT INTO \(s).inbox (workflow, kind, reference, payload, codec)
            SELECT r.receiver, u.kind, u.reference, u.payload, u.codec
            FROM unnest(\(arrays(InboxColumns.types))) WITH ORDINALITY AS u(\(InboxColumns.names), place)
            CROSS JOIN LATERAL (SELECT \(receiver(s, "u")) AS receiver OFFSET 0) r WHERE r.receiver IS NOT NULL ORDER BY u.place
            """)
        post = Statement("perdure_post", "SELECT \(s).post($1::int8, $2::int2, $3::text, $4::bytea, $5::int2, $6::text)")
        resumption = Statement("perdure_resume", isPrepared: false, "SELECT \(s).resume($1::int8)")
    }

    func number(_ session: Session, ofID id: String) throws(StoreError) -> WorkflowNumber? {
        let rows = try session.query(numberOfID, [.text(id)])
        return rows.count == 0 ? nil : rows.int(0, 0)
    }

    /// Five statements, whose results `status(_:)` reads.
    func status(_ number: WorkflowNumber) -> [Request] {
        // In this order: without a snapshot of its own it may see a workflow as open that has ended, but never as neither.
        [workflow, live, ending, pending, link].map { Request($0, [.int8(number)]) }
    }

    static func status(_ results: ArraySlice<Rows>) -> StatusRecord? {
        let results = Array(results)
        let (workflow, live, outcome, pending) = (results[0], results[1], results[2], results[3])
        if workflow.count == 0 { return nil }
        var status = StatusRecord(record: workflow.workflow(0, 0))
        if live.count > 0 {
            status.live = LiveState(rawValue: live.int16(0, 0))
            status.executor = live.optionalInt(0, 1)
            status.due = live.optionalInt(0, 2)
            status.crashes = Int(live.int(0, 3))
            status.reason = live.optionalText(0, 4)
            status.pause = live.optionalText(0, 5).map {
                Instruction(by: $0, reason: live.optionalText(0, 6), at: live.int(0, 7))
            }
            status.wait = live.optionalText(0, 8).flatMap(QueueWait.init(rawValue:))
        }
        if outcome.count == 0 { status.isServed = workflow.bool(0, workflow.columns - 1) }
        if outcome.count > 0 { status.outcome = outcome.outcome(0, 0) }
        status.pending = pending.map { pending.pending($0, 0) }
        if results[4].count > 0 { status.link = results[4].link(0) }
        return status
    }

    /// Into the inboxes of workflows that are open.
    func deliver(_ session: Session, _ items: [InboxItem]) throws(StoreError) {
        if items.isEmpty { return }
        let columns = InboxColumns()
        for item in items { try columns.append(item) }
        try session.query(delivery, columns.parameters)
    }

    func resume(_ session: Session, _ number: WorkflowNumber) throws(StoreError) -> Bool {
        try session.query(resumption, [.int8(number)]).bool(0, 0)
    }
}
