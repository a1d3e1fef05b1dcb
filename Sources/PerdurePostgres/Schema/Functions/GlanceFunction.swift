/// What the poll of an engine asks for: one statement, and with it one transaction.
///
/// In a function, because its plans are then made with settings of their own: as `Statement.byIndex`, which would be another round trip.
func glanceFunction(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).glance(names text[], versions text[], served text[], behind xid8, after int8, due_from int8, inbox_behind xid8,
        inbox_after int8, OUT ready bool, OUT arrived bool, OUT next_due int8, OUT crashes int4, OUT suspect_due int8, OUT expired bool,
        OUT revisions int8, OUT next_schedule int8, OUT pauses int8)
        LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
        SET enable_sort = off SET jit = off AS $perdure$
    BEGIN
        ready := EXISTS (SELECT FROM \(s).live WHERE \(arriving) AND (tx, number) > (behind, after) ORDER BY tx, number LIMIT 1);
        arrived := EXISTS (SELECT FROM \(s).inbox i WHERE NOT i.seen AND (i.tx, i.sequence) > (inbox_behind, inbox_after)
            ORDER BY i.tx, i.sequence LIMIT 1);
        next_due := (SELECT l.due FROM \(s).live l WHERE l.state = 2 AND l.due >= due_from AND l.due < 9223372036854775807
            ORDER BY l.due, l.number LIMIT 1);
        SELECT l.crashes, l.due INTO crashes, suspect_due FROM \(s).live l
            WHERE l.state = 4 AND (SELECT true FROM \(s).lanes n WHERE n.lane = l.lane AND n.name = ANY(names) AND n.version = ANY(versions)
                AND n.queue = ANY(served))
            ORDER BY l.due, l.number LIMIT 1;
        expired := EXISTS (SELECT FROM \(s).live WHERE \(expiring) AND expires <= \(serverMicroseconds) ORDER BY expires, number LIMIT 1);
        revisions := (SELECT sum(q.revision) FROM \(s).queues q WHERE q.name = ANY(served));
        pauses := (SELECT sum(p.revision) FROM \(s).pauses p);
        next_schedule := (SELECT r.due FROM \(s).schedule_rows r WHERE r.due < 9223372036854775807 ORDER BY r.due LIMIT 1);
    END
    $perdure$;
    """
}
