/// The tables of workflows.
///
/// What is insert-only is partitioned by number; only what is alive changes.
func tables(_ s: SchemaName) -> String {
    """
    CREATE TABLE \(s).workflows (number int8 NOT NULL, id text, queue text NOT NULL, lane_key text NOT NULL, priority int2 NOT NULL,
        name text NOT NULL, version text NOT NULL, input bytea NOT NULL, codec int2 NOT NULL, parent int8, parent_key text, close_policy int2,
        attributes bytea, attributes_codec int2, created int8 NOT NULL, due int8, deadline int8, expires int8, PRIMARY KEY (number))
        PARTITION BY RANGE (number);
    CREATE INDEX workflows_children ON \(s).workflows (parent) WHERE parent IS NOT NULL;
    CREATE TABLE \(s).steps (workflow int8 NOT NULL, key text NOT NULL, ord int8, kind int2 NOT NULL, output bytea, output_codec int2,
        error bytea, error_codec int2, started int8 NOT NULL, finished int8 NOT NULL, attempts int4 NOT NULL,
        PRIMARY KEY (workflow, key)) PARTITION BY RANGE (workflow);
    CREATE TABLE \(s).outcomes (workflow int8 NOT NULL, status int2 NOT NULL, output bytea, output_codec int2, error bytea, error_codec int2,
        finished int8 NOT NULL, PRIMARY KEY (workflow)) PARTITION BY RANGE (workflow);
    CREATE TABLE \(s).workflow_ids (id text PRIMARY KEY, number int8 NOT NULL, name text NOT NULL);

    CREATE TABLE \(s).lanes (lane int8 PRIMARY KEY, queue text NOT NULL, lane_key text NOT NULL, priority int2 NOT NULL, name text NOT NULL,
        version text NOT NULL, returned bool NOT NULL);
    CREATE INDEX lanes_names ON \(s).lanes (queue, lane_key, priority, name, version);
    CREATE SEQUENCE \(s).lane_numbers MINVALUE 2 START 2 INCREMENT 2;
    CREATE SEQUENCE \(s).workflow_numbers MINVALUE 0 MAXVALUE 4194303 START 0 INCREMENT 1024 CYCLE;

    CREATE TABLE \(s).live (number int8 PRIMARY KEY, lane int8 NOT NULL, tx xid8 NOT NULL DEFAULT pg_current_xact_id(), state int2 NOT NULL,
        executor int8, due int8, deadline int8, crashes int2 NOT NULL DEFAULT 0, probation int8, expires int8)
        WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
            autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
    CREATE INDEX live_ready ON \(s).live (lane, tx, number) WHERE state = 0;
    CREATE INDEX live_arrivals ON \(s).live (tx, number) WHERE \(arriving);
    CREATE INDEX live_owned ON \(s).live (executor, number) WHERE state = 1;
    CREATE INDEX live_due ON \(s).live (due, number) WHERE state = 2;
    CREATE INDEX live_suspects ON \(s).live (due, number) WHERE state = 4;
    CREATE INDEX live_expiring ON \(s).live (expires, number) WHERE \(expiring);
    CREATE TABLE \(s).asides (number int8 PRIMARY KEY, reason text NOT NULL, since int8 NOT NULL);
    CREATE TABLE \(s).pending (workflow int8 NOT NULL, key text NOT NULL, attempt int4 NOT NULL, started int8 NOT NULL, due int8, error bytea,
        error_codec int2, progress bytea, progress_codec int2, held_by int8, PRIMARY KEY (workflow, key))
        WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
    CREATE INDEX pending_held ON \(s).pending (held_by, workflow) WHERE held_by IS NOT NULL;
    CREATE TABLE \(s).inbox (sequence int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, workflow int8 NOT NULL,
        tx xid8 NOT NULL DEFAULT pg_current_xact_id(), kind int2 NOT NULL, reference int8, payload bytea, codec int2, topic text, key text,
        seen bool NOT NULL DEFAULT false)
        WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
    CREATE INDEX inbox_workflow ON \(s).inbox (workflow, kind, sequence);
    CREATE INDEX inbox_arrivals ON \(s).inbox (tx, sequence) WHERE NOT seen;

    CREATE TABLE \(s).executors (executor int8 PRIMARY KEY, label text NOT NULL, lease_until int8 NOT NULL, renewed int8 NOT NULL,
        alive_since int8 NOT NULL, silence int8, guarded_since int8, started int8 NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE \(s).served (executor int8 NOT NULL, name text NOT NULL, version text NOT NULL, PRIMARY KEY (executor, name, version));
    CREATE TABLE \(s).served_queues (executor int8 NOT NULL, queue text NOT NULL, PRIMARY KEY (executor, queue));
    CREATE TABLE \(s).leaders (duty text PRIMARY KEY, executor int8 NOT NULL, until int8 NOT NULL);
    CREATE TABLE \(s).fences (executor int8 NOT NULL, slot int4 NOT NULL, timeline text, boot timestamptz,
        PRIMARY KEY (executor, slot));
    CREATE TABLE \(s).reaped (executor int8 PRIMARY KEY, crashed bool NOT NULL, label text NOT NULL, heard int8);
    """
}

/// Which rows of `live` may expire: those that have not begun and are nobody's.
let expiring = "expires IS NOT NULL AND state IN (0, 2) AND lane & 1 = 0"

/// The `probation` of what was claimed only to end, and has not begun.
let unbegun = "-1"

/// Which rows of `live` are ready, written so that what is asked of one lane is never looked for in the index of all of them.
let arriving = "state & 7 = 0"

/// The tables of queues.
///
/// Of a limit or a rate, `keyed` says whether it is one key's or the whole queue's.
func queueTables(_ s: SchemaName) -> String {
    """
    CREATE TABLE \(s).queues (name text PRIMARY KEY, declared text NOT NULL, changed text, paused_at int8, pause_reason text,
        revision int8 NOT NULL);
    CREATE TABLE \(s).slots (queue text NOT NULL, keyed bool NOT NULL, key text NOT NULL, slot int4 NOT NULL, executor int8, workflow int8,
        PRIMARY KEY (queue, keyed, key, slot)) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
    CREATE INDEX slots_executors ON \(s).slots (executor) WHERE executor IS NOT NULL;
    CREATE INDEX slots_workflows ON \(s).slots (workflow) WHERE workflow IS NOT NULL;
    CREATE TABLE \(s).rates (queue text NOT NULL, keyed bool NOT NULL, key text NOT NULL, starts text NOT NULL,
        PRIMARY KEY (queue, keyed, key)) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
    CREATE TABLE \(s).deduplications (queue text NOT NULL, key text NOT NULL, number int8 NOT NULL, since int8 NOT NULL,
        PRIMARY KEY (queue, key));
    CREATE INDEX deduplications_holders ON \(s).deduplications (number);
    CREATE TABLE \(s).dead_numbers (number int8 PRIMARY KEY, queue text NOT NULL, key text NOT NULL, since int8 NOT NULL, redriven_as int8,
        unique_key text);
    CREATE INDEX dead_numbers_queues ON \(s).dead_numbers (queue, number) WHERE redriven_as IS NULL;
    CREATE TABLE \(s).items (item int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue text NOT NULL, lane_key text NOT NULL,
        priority int2 NOT NULL, name text NOT NULL, version text NOT NULL, payload bytea NOT NULL, created int8 NOT NULL)
        WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
    CREATE INDEX items_created ON \(s).items (queue, created);
    CREATE INDEX items_lanes ON \(s).items (queue, lane_key, priority, name, version, item);
    """
}

/// Partitions from the beginning to the end of time: what is before next month, three months, and the rest.
///
/// No DEFAULT partition: a straggler in it would make every later ATTACH scan it.
func firstPartitions(_ s: SchemaName) -> String {
    """
    DO $perdure$
    DECLARE
        parent text;
        month timestamp;
        bound text;
        next_bound text;
        part text;
    BEGIN
        FOREACH parent IN ARRAY ARRAY['workflows', 'steps', 'outcomes', 'attributes'] LOOP
            month := date_trunc('month', now() AT TIME ZONE 'UTC');
            bound := 'MINVALUE';
            FOR i IN 0..4 LOOP
                part := CASE i WHEN 4 THEN parent || '_later' ELSE parent || '_' || to_char(month, 'YYYY_MM') END;
                month := month + interval '1 month';
                next_bound := CASE i WHEN 4 THEN 'MAXVALUE'
                    ELSE (((extract(epoch FROM month) * 1000)::int8 - 1735689600000) << 22)::text END;
                EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL)', \(s.literal), part, parent);
                EXECUTE format('ALTER TABLE %1$I.%2$I ATTACH PARTITION %1$I.%3$I FOR VALUES FROM (%4$s) TO (%5$s)',
                    \(s.literal), parent, part, bound, next_bound);
                bound := next_bound;
            END LOOP;
        END LOOP;
    END
    $perdure$;
    """
}
