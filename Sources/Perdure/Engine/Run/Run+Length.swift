extension Run {
    /// Each place is recorded once, so each warning is given once, whoever has the run.
    func warnOfLength(_ place: Int64) {
        guard place >= firstWarning, host.longHistories.contains(Int(place)) else { return }
        host.log(
            .warning,
            "the history of workflow \(Names.publicID(number)) ('\(workflow.name)') has \(place) rows, all of which each replay reads: let what goes on for ever call `continueAsNew` now and then, or put its work into children"
        )
    }
}
