internal import Perdure

extension Query {
    fileprivate static let hasMail = Query("SELECT 1 FROM perdure_inbox WHERE workflow = ?1 AND kind IN (4, 5) LIMIT 1")
    fileprivate static let keepUnread = Query(
        """
        INSERT INTO perdure_unread (workflow, sequence, kind, reference, payload, payload_codec, topic, key)
        SELECT workflow, sequence, kind, reference, payload, payload_codec, topic, key FROM perdure_inbox
        WHERE workflow = ?1 AND kind IN (4, 5)
        """)
    fileprivate static let moveUnread = Query(
        """
        INSERT INTO perdure_inbox (workflow, kind, reference, payload, payload_codec, topic, key)
        SELECT ?2, kind, reference, payload, payload_codec, topic, key FROM perdure_unread WHERE workflow = ?1 ORDER BY sequence
        """)
    fileprivate static let clearUnread = Query("DELETE FROM perdure_unread WHERE workflow = ?1")
    fileprivate static let copyReplies = Query(
        """
        INSERT INTO perdure_replies (workflow, request, key, output, output_codec, error, error_codec, replied, run, step)
        SELECT ?3, request, key, output, output_codec, error, error_codec, replied, CASE WHEN run = ?2 THEN ?3 ELSE run END, step
        FROM perdure_replies AS r WHERE workflow = ?1
            AND (run IS NOT ?2 OR EXISTS (SELECT 1 FROM perdure_steps AS s WHERE s.workflow = ?3 AND s.key = r.step))
        """)
    fileprivate static let copyMessageKeys = Query(
        """
        INSERT INTO perdure_message_keys (workflow, kind, topic, key)
        SELECT ?2, kind, topic, key FROM perdure_message_keys AS k WHERE workflow = ?1 AND (kind = 4
            OR EXISTS (SELECT 1 FROM perdure_replies AS r WHERE r.workflow = ?2 AND r.request = k.topic AND r.key = k.key)
            OR EXISTS (SELECT 1 FROM perdure_inbox AS i WHERE i.workflow = ?2 AND i.kind = 5 AND i.topic = k.topic AND i.key = k.key))
        """)
}

// What runs had not received when they ended.
extension Connection {
    /// Whatever goes on in the place of the workflow may receive it.
    func keepUnread(of number: WorkflowNumber) throws(StoreError) {
        let look = try prepared(.hasMail)
        look.bind(1, number)
        if try look.first({ _ in true }) == nil { return }
        let statement = try prepared(.keepUnread)
        statement.bind(1, number)
        try statement.run()
    }

    /// A key of a request goes with its answer, or with the request itself.
    func keepMail(of previous: WorkflowNumber, for number: WorkflowNumber) throws(StoreError) {
        let move = try prepared(.moveUnread)
        move.bind(1, previous)
        move.bind(2, number)
        try move.run()
        let clear = try prepared(.clearUnread)
        clear.bind(1, previous)
        try clear.run()
        let first = try firstRun(of: previous)
        let replies = try prepared(.copyReplies)
        for (index, value) in [first, previous, number].enumerated() { replies.bind(Int32(index) + 1, value) }
        try replies.run()
        let keys = try prepared(.copyMessageKeys)
        keys.bind(1, first)
        keys.bind(2, number)
        try keys.run()
    }
}
