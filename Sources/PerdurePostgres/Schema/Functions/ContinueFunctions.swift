internal import Perdure

/// Runs that go on as new ones: the end and the beginning, and where one finds them.
func continueFunctions(_ s: SchemaName) -> String {
    """
    -- The newest of those as which a run was continued, if it has not ended; NULL otherwise. A moment later it may have been continued again.
    CREATE FUNCTION \(s).current_run(asked int8) RETURNS int8 LANGUAGE plpgsql VOLATILE AS $perdure$
    DECLARE
        run int8;
        looked int8;
    BEGIN
        LOOP
            run := \(s).newest_run(asked);
            IF EXISTS (SELECT FROM \(s).live l WHERE l.number = run) THEN
                RETURN run;
            END IF;
            IF run IS NULL OR run = looked THEN
                RETURN NULL;
            END IF;
            looked := run;
        END LOOP;
    END
    $perdure$;

    -- The run that goes on where one that came to no good end stopped, if it has not ended; NULL otherwise.
    CREATE FUNCTION \(s).rewound_run(asked int8) RETURNS int8 LANGUAGE plpgsql VOLATILE AS $perdure$
    DECLARE
        run int8 := \(s).newest_run(asked);
    BEGIN
        LOOP
            run := \(s).newest_run((SELECT c.number FROM \(s).successors c WHERE c.previous = run
                AND c.kind = \(RunKind.rewound.rawValue) ORDER BY c.number DESC LIMIT 1));
            IF run IS NULL OR EXISTS (SELECT FROM \(s).live l WHERE l.number = run) THEN
                RETURN run;
            END IF;
        END LOOP;
    END
    $perdure$;

    -- What is in the inbox of one run goes into that of another, in its place in the order of arrival.
    CREATE FUNCTION \(s).move_inbox(earlier int8, run int8) RETURNS void LANGUAGE plpgsql AS $perdure$
    BEGIN
        WITH m AS (UPDATE \(s).inbox i SET workflow = run, seen = false, tx = pg_catalog.pg_current_xact_id()
            WHERE i.workflow = earlier AND \(movesOn("i")) RETURNING i.kind, i.reference)
        UPDATE \(s).interventions v SET workflow = run
            WHERE v.number = ANY(ARRAY(SELECT m.reference FROM m WHERE m.kind IN (\(InboxKind.intervention.rawValue),
                \(InboxKind.cancel.rawValue), \(InboxKind.terminate.rawValue))));
    END
    $perdure$;

    -- What has come too late for runs that were continued, of transactions that did not see that; returns who has it now.
    CREATE FUNCTION \(s).forward_inboxes(earlier int8[]) RETURNS SETOF int8 LANGUAGE plpgsql AS $perdure$
    DECLARE
        one int8;
        run int8;
    BEGIN
        FOR one IN SELECT DISTINCT u.n FROM unnest(earlier) AS u(n) ORDER BY 1 LOOP
            run := \(s).current_run(one);
            IF run <> one THEN
                PERFORM \(s).move_inbox(one, run);
                RETURN NEXT run;
            END IF;
        END LOOP;
    END
    $perdure$;

    \(continueRun(s))
    """
}

/// All of it or nothing, and only if it is the executor's: sent again, it finds nothing to do.
private func continueRun(_ s: SchemaName) -> String {
    let asked = "queue, lane_key, priority, name, version"
    return """
        CREATE FUNCTION \(s).continue_run(asking int8, earlier int8, run int8, new_id text, new_input bytea, new_codec int2, moment int8,
            new_origin text, chain int8, nth int8, kinds int2[], topics text[], payloads bytea[], codecs int2[], told int8[], told_kinds int2[])
            RETURNS void LANGUAGE plpgsql AS $perdure$
        DECLARE
            held record;
        BEGIN
            DELETE FROM \(s).live l WHERE l.number = earlier AND l.state + 0 = 1 AND l.executor + 0 = asking RETURNING l.lane, l.deadline INTO held;
            IF NOT FOUND THEN
                RETURN;
            END IF;
            EXECUTE 'INSERT INTO \(s.inLiteral).outcomes (workflow, status, output, output_codec, finished)
                VALUES ($1, \(OutcomeStatus.continued.rawValue), $2, $3, $4)' USING earlier, new_input, new_codec, moment;
            EXECUTE 'INSERT INTO \(s.inLiteral).workflows (number, id, \(asked), input, codec, parent, parent_key, close_policy, attributes,
                attributes_codec, created, deadline) SELECT $2, $3, \(asked), $4, $5, parent, parent_key, close_policy, attributes,
                attributes_codec, $6, deadline FROM \(s.inLiteral).workflows WHERE number = $1 FOR UPDATE'
                USING earlier, run, new_id, new_input, new_codec, moment;
            EXECUTE 'INSERT INTO \(s.inLiteral).attributes (workflow, name, place, kind, text, number)
                SELECT $2, name, place, kind, text, number FROM \(s.inLiteral).attributes WHERE workflow = $1' USING earlier, run;
            -- It has begun: it does not expire, and does not take its turn.
            INSERT INTO \(s).live (number, lane, state, executor, deadline) VALUES (run, held.lane | 1, 1, asking, held.deadline);
            INSERT INTO \(s).successors (number, previous, kind, at, origin, first, place)
                VALUES (run, earlier, \(RunKind.continued.rawValue), moment, new_origin, chain, nth);
            EXECUTE 'INSERT INTO \(s.inLiteral).workflow_ids AS i (id, number, name)
                SELECT $3, $2, name FROM \(s.inLiteral).workflows WHERE number = $1
                ON CONFLICT (id) DO UPDATE SET number = excluded.number WHERE i.number = $1' USING earlier, run, new_id;
            UPDATE \(s).slots SET workflow = run WHERE workflow = earlier;
            -- In a statement of its own: what was committed until the row of live was locked is here.
            PERFORM \(s).move_inbox(earlier, run);
            -- What was committed since then is not: it is brought behind it.
            DELETE FROM \(s).inbox i WHERE i.workflow = earlier AND NOT coalesce(\(movesOn("i")), false);
            DELETE FROM \(s).pending WHERE workflow = earlier;
            DELETE FROM \(s).asides WHERE number = earlier;
            -- Before all that is there.
            INSERT INTO \(s).inbox (sequence, workflow, kind, topic, payload, codec) OVERRIDING SYSTEM VALUE
                SELECT -nextval(pg_get_serial_sequence('\(s.inLiteral).inbox', 'sequence')), run, u.kind, u.topic, u.payload, u.codec
                FROM (SELECT * FROM unnest(kinds, topics, payloads, codecs) WITH ORDINALITY AS u(kind, topic, payload, codec, place)
                    ORDER BY place DESC) u;
            INSERT INTO \(s).inbox (workflow, kind) SELECT r.receiver, u.kind FROM unnest(told, told_kinds) AS u(workflow, kind)
                CROSS JOIN LATERAL (SELECT \(s).current_run(u.workflow) AS receiver OFFSET 0) r WHERE r.receiver IS NOT NULL;
        END
        $perdure$;
        """
}

/// Whether row `i` of the inbox is still to be done when its run goes on as a new one; as `InboxItem.movesOn`.
func movesOn(_ row: String) -> String {
    """
    (\(row).kind IN (\([InboxKind.cancel, .terminate, .message, .request].map { String($0.rawValue) }.joined(separator: ", ")))
        OR \(row).kind = \(InboxKind.intervention.rawValue) AND \(row).topic = '\(InterventionKind.pause.rawValue)')
    """
}

/// Messages and requests.
let mailKinds = "\(InboxKind.message.rawValue), \(InboxKind.request.rawValue)"

/// Into whose inbox row `u` goes: that of its workflow, or of the run as which it goes on; NULL if it is nobody's.
func receiver(_ s: SchemaName, _ row: String) -> String {
    let follows = [InboxKind.cancel, .terminate, .message, .request].map { String($0.rawValue) }.joined(separator: ", ")
    return """
        CASE WHEN (SELECT true FROM \(s).live l WHERE l.number = \(row).workflow LIMIT 1) THEN \(row).workflow
            WHEN \(row).kind IN (\(follows)) THEN \(s).current_run(\(row).workflow) END
        """
}
