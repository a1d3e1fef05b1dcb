import Foundation

/// Compares the diary with the database: what must hold whatever died on the way.
struct Audit {
    enum Fault: String, CaseIterable {
        /// Accepted, and not finished.
        case lost
        /// The body of a step began after the step was durable.
        case rerun
        /// A result that the workflow was given is not what is recorded.
        case changed
        /// The rows of a transaction are not there exactly once.
        case doubled
        /// What the workflow returned is not what its history says.
        case mixed
        /// A replay was given results in another order than that of the history.
        case disordered
    }

    private(set) var findings: [(fault: Fault, what: String)] = []
    let workflows: Int

    func count(_ faults: Fault...) -> Int { findings.filter { faults.contains($0.fault) }.count }
    var isClean: Bool { findings.isEmpty }

    /// - Parameter moment: When the database went back to an earlier state for the last time, as an asynchronous standby may: what was
    ///   acknowledged before may be gone. What is there must fit together all the same.
    init(_ entries: [Entry], _ records: Records, forgettingBefore moment: Int64? = nil) {
        workflows = Set(entries.filter { $0.kind == .accepted }.map(\.workflow)).count
        let valid = entries.filter { $0.time > moment ?? .min }
        checkEndings(entries, records, isForgetful: moment != nil)
        checkTraces(records)
        checkTransactions(records)
        checkOutcomes(records)
        checkRepetitions(valid)
        checkResults(valid, records)
        checkOrder(valid, records)
    }

    private mutating func found(_ fault: Fault, _ what: String) { findings.append((fault, what)) }

    private mutating func checkEndings(_ entries: [Entry], _ records: Records, isForgetful: Bool) {
        var states: [String: Records.Status] = [:]
        for status in records.statuses where status.state != "continued" {
            if states.updateValue(status, forKey: status.id) != nil { found(.doubled, "\(status.id) has two runs that were not continued") }
        }
        for workflow in records.continued where records.statuses.count(where: { $0.id == workflow }) != 2 {
            found(.doubled, "\(workflow) has gone on as more than one run, or none")
        }
        for workflow in Set(entries.filter { $0.kind == .accepted }.map(\.workflow)) {
            guard let status = states[workflow] else {
                if !isForgetful { found(.lost, "\(workflow) was accepted and is not there") }
                continue
            }
            if status.state != "completed" { found(.lost, "\(workflow) is \(status.state) \(status.reason ?? "")") }
        }
        for status in records.statuses where !isExpected(status) { found(.lost, "child \(status.id) is \(status.state)") }
        if records.orphans > 0 { found(.lost, "\(records.orphans) workflows belong to nobody") }
    }

    /// A child that has to fail fails; whatever else there is, its parent has waited for.
    private func isExpected(_ status: Records.Status) -> Bool {
        if status.id.hasSuffix("/undone") { return status.state == "failed" }
        return status.state == "completed" || !status.id.contains("/")
    }

    /// What a workflow that has failed had registered is done; a stream holds each value once, in order.
    private mutating func checkTraces(_ records: Records) {
        for status in records.statuses where status.id.hasSuffix("/undone") {
            if !records.steps.contains(where: { $0.id == status.id && $0.key.hasSuffix("undo") }) {
                found(.lost, "\(status.id) has not undone what it did")
            }
        }
        for line in records.lines where line.value != line.position {
            found(.doubled, "at \(line.position) of its stream \(line.id) has \(line.value.map(String.init) ?? "nothing")")
        }
    }

    private mutating func checkRepetitions(_ entries: [Entry]) {
        var done: Set<String> = []
        for entry in entries {
            let step = entry.workflow + " " + entry.key
            if entry.kind == .done { done.insert(step) }
            if entry.kind == .body, done.contains(step) { found(.rerun, "\(step) by \(entry.process)") }
        }
    }

    /// What the workflow was given, each time, is what is recorded.
    private mutating func checkResults(_ entries: [Entry], _ records: Records) {
        var recorded: [String: String] = [:]
        for step in records.steps { recorded[step.id + " " + step.key] = step.output ?? "nothing" }
        for status in records.statuses where status.state != "continued" { recorded[status.id] = status.output ?? "nothing" }
        for entry in entries {
            let name: String
            switch entry.kind {
            case .done: name = entry.workflow + " " + entry.key
            case .finished: name = entry.workflow
            default: continue
            }
            if recorded[name] != entry.value { found(.changed, "\(name) was \(entry.value) and is \(recorded[name] ?? "not there")") }
        }
    }

    private mutating func checkTransactions(_ records: Records) {
        var rows: [String: [String]] = [:]
        for row in records.ledger { rows[row.workflow + " " + row.key, default: []].append(row.value) }
        for step in records.steps where step.kind == "transaction" {
            let name = step.id + " " + step.key
            let values = rows.removeValue(forKey: name) ?? []
            if values != [step.output ?? "nothing"] {
                found(.doubled, "\(name) is recorded as \(step.output ?? "nothing"), its rows are \(values)")
            }
        }
        for (name, values) in rows { found(.doubled, "\(name) has rows \(values) and no checkpoint") }
    }

    private mutating func checkOutcomes(_ records: Records) {
        var steps: [String: Set<String>] = [:]
        for step in records.steps where ["step", "transaction"].contains(step.kind) {
            steps[step.id, default: []].insert("\(step.key)=\(step.output ?? "nothing")")
        }
        for status in records.statuses where status.state == "completed" {
            let returned = Set((status.output ?? "").split(separator: ";").map(String.init))
            // Of one that was continued, the last run returns what it has done itself.
            let own = steps[status.id, default: []].filter { !records.continued.contains(status.id) || returned.contains($0) }
            if returned != own { found(.mixed, "\(status.id) returned \(returned) over \(steps[status.id] ?? [])") }
        }
    }

    /// Each run of a workflow, replayed or not, gets its results in the order of the history.
    private mutating func checkOrder(_ entries: [Entry], _ records: Records) {
        var ordinals: [String: Int] = [:]
        for step in records.steps { ordinals[step.id + " " + step.key] = step.ordinal }
        var last: [String: Int] = [:]
        for entry in entries where entry.kind == .done {
            guard let ordinal = ordinals[entry.workflow + " " + entry.key] else { continue }
            let run = entry.workflow + " " + entry.run
            if let before = last[run], before > ordinal { found(.disordered, "\(entry.workflow) \(entry.key) in run \(entry.run)") }
            last[run] = ordinal
        }
    }
}
