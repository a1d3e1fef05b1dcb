internal import Perdure

/// What operators have done.
///
/// An intervention that is neither applied nor in the inbox any more was without effect.
func controlTables(_ s: SchemaName) -> String {
    """
    CREATE TABLE \(s).interventions (number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, workflow int8 NOT NULL, kind text NOT NULL,
        step text, by_whom text NOT NULL, reason text, asked int8 NOT NULL, applied bool NOT NULL DEFAULT false);
    CREATE INDEX interventions_workflow ON \(s).interventions (workflow, number);
    """
}

/// What people read about it: a documented, stable contract, as `views` is.
func controlViews(_ s: SchemaName) -> String {
    """
    CREATE VIEW \(s).workflow_interventions AS
    SELECT \(s).public_id(w.id, i.workflow) AS id, i.workflow AS workflow_number, w.name AS workflow_name, i.number AS intervention_number,
        i.kind, i.step, i.by_whom, i.reason, \(s).moment(i.asked) AS asked_at, \(interventionState(s)) AS state
    FROM \(s).interventions i LEFT JOIN \(s).workflows w ON w.number = i.workflow;
    """
}

/// What has become of intervention `i`: what is left in the inbox of a workflow that has ended is on its way to nobody.
func interventionState(_ s: SchemaName) -> String {
    """
    CASE WHEN i.applied THEN '\(InterventionState.applied.rawValue)'
        WHEN EXISTS (SELECT FROM \(s).live l WHERE l.number = i.workflow) AND EXISTS (SELECT FROM \(s).inbox m WHERE m.workflow = i.workflow
            AND m.kind = \(InboxKind.intervention.rawValue) AND m.reference = i.number) THEN '\(InterventionState.onItsWay.rawValue)'
        ELSE '\(InterventionState.withoutEffect.rawValue)' END
    """
}
