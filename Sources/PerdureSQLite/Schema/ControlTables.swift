internal import Perdure

extension Schema {
    /// Version 3: what operators have done.
    static let controlTables = """
        -- An intervention that is neither applied nor in the inbox any more was without effect.
        CREATE TABLE perdure_interventions (
            number INTEGER PRIMARY KEY AUTOINCREMENT, workflow INTEGER NOT NULL, kind TEXT NOT NULL, step TEXT, by_whom TEXT NOT NULL,
            reason TEXT, asked INTEGER NOT NULL, applied INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX perdure_interventions_workflow ON perdure_interventions (workflow);

        """

    /// For people, beside `views`.
    static let controlViews = """
        CREATE VIEW perdure_workflow_interventions AS
        SELECT
            \(publicID("w", orNumber: "i.workflow")) AS id,
            i.workflow AS workflow_number,
            w.name AS workflow_name,
            i.number AS intervention_number,
            i.kind AS kind,
            i.step AS step,
            i.by_whom AS by_whom,
            i.reason AS reason,
            \(timestamp("i.asked")) AS asked_at,
            \(interventionState("i")) AS state
        FROM perdure_interventions AS i LEFT JOIN perdure_workflows AS w ON w.number = i.workflow;

        """

    /// What has become of it: what is left in the inbox of a workflow that has ended is on its way to nobody.
    static func interventionState(_ row: String) -> String {
        """
        CASE WHEN \(row).applied THEN '\(InterventionState.applied.rawValue)'
            WHEN EXISTS (SELECT 1 FROM perdure_live AS l WHERE l.number = \(row).workflow) AND EXISTS (
                SELECT 1 FROM perdure_inbox AS m WHERE m.workflow = \(row).workflow AND m.kind = \(InboxKind.intervention.rawValue)
                    AND m.reference = \(row).number)
            THEN '\(InterventionState.onItsWay.rawValue)' ELSE '\(InterventionState.withoutEffect.rawValue)' END
        """
    }
}
