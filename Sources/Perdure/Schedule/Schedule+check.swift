internal import FoundationEssentials

// What is wrong with a schedule, said before anything is stored.

extension Schedule {
    /// The times are put behind it to make the id of a run.
    private static let longestName = 480
    /// As Temporal's.
    private static let shortestCatchUp = Duration.seconds(10)

    /// The times of the schedule, if nothing is wrong with it.
    @discardableResult
    func check() throws(WorkflowError) -> CompiledSchedule {
        try Names.check(name, "the name of a schedule")
        guard name.utf8.count <= Self.longestName else {
            throw WorkflowError(
                .invalidName,
                "the name of a schedule is \(name.utf8.count) bytes long, and the limit is \(Self.longestName): '\(name.prefix(40))…'")
        }
        try Names.check(workflow, "the name of a workflow")
        try checkPlace()
        try checkPolicies()
        for key in attributes.keys where key.hasPrefix("perdure.") {
            throw wrong("has an attribute '\(key)': what begins with 'perdure.' is the library's own")
        }
        // Two are added to each run.
        guard attributes.count <= SearchAttribute.countLimit - 2 else {
            throw wrong("has \(attributes.count) attributes, and the limit is \(SearchAttribute.countLimit - 2)")
        }
        try SearchAttribute.check(attributes)
        do {
            return try spec.compiled()
        } catch {
            throw wrong("cannot be: \(error.message)")
        }
    }

    private func checkPlace() throws(WorkflowError) {
        if let queueFault { throw wrong("is for queue '\(queue ?? "")', which \(queueFault): use another queue") }
        if let queue { try Names.check(queue, "the name of a queue") }
        if !version.isEmpty { try Names.check(version, "the version of a workflow") }
        guard queue != nil else {
            if key.isEmpty, priority == 0 { return }
            throw wrong("has a key or a priority, which are things of a queue: name one")
        }
        if !key.isEmpty { try Names.check(key, "the key of schedule '\(name)' in its queue") }
        guard (0...9).contains(priority) else {
            throw wrong("has the priority \(priority), which is not one of 0 to 9, of which 0 goes first")
        }
    }

    private func checkPolicies() throws(WorkflowError) {
        guard catchUp >= Self.shortestCatchUp else {
            throw wrong(
                "makes up for what was missed in \(catchUp): \(Self.shortestCatchUp) at least, or what is merely late would be missed")
        }
        if let runs, runs < 1 { throw wrong("has \(runs) runs left: at least one, or pause it") }
        if let timeout, timeout <= .zero { throw wrong("has a timeout of \(timeout): its runs would be over before they begin") }
    }

    private func wrong(_ what: String) -> WorkflowError { WorkflowError(.invalidDeclaration, "schedule '\(name)' \(what)") }
}
