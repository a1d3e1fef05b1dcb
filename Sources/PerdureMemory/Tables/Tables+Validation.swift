internal import Perdure

/// What no store takes, so that a program that runs here runs on the others too.
enum Limits {
    /// A row of Postgres' index ends at 2,704 bytes; what is longer does not fit into a primary key.
    static let keyBytes = 2600

    static func check(key text: String, _ what: String) throws(StoreError) {
        guard text.utf8.count <= keyBytes else {
            throw StoreError(.rejected, "\(what) of \(text.utf8.count) bytes is too long: \(keyBytes) are allowed")
        }
        try check(text: text, what)
    }

    static func check(text: String, _ what: String) throws(StoreError) {
        guard !text.utf8.contains(0) else {
            throw StoreError(.rejected, "\(what) contains a NUL character, which a database's text cannot hold")
        }
    }
}

extension Tables {
    /// Everything that can be wrong with a batch, before anything of it is applied.
    func validate(_ batch: [Command]) throws(StoreError) {
        var started: [WorkflowNumber: WorkflowRecord] = [:]
        for command in batch {
            switch command {
            case .start(let record):
                try validate(record)
                try validate(record, against: &started)
            case .startChild(let record, _, let step):
                try validate(record)
                try Limits.check(key: step.key, "a step's key")
                // If its step is another's, the child is not inserted at all.
                if steps[step.workflow]?[step.key] == nil { try validate(record, against: &started) }
            case .startChildren(let records, _, let step):
                try Limits.check(key: step.key, "a step's key")
                let isNew = steps[step.workflow]?[step.key] == nil
                for record in records {
                    try validate(record)
                    if isNew { try validate(record, against: &started) }
                }
            case .step(let step, _, _), .effect(let step, _), .childrenEnded(let step, _): try Limits.check(key: step.key, "a step's key")
            case .pending(let row): try Limits.check(key: row.key, "a step's key")
            case .setAside(_, let reason, _): try Limits.check(text: reason, "a reason")
            case .append(let record, _): try Limits.check(key: record.stream, "a stream's name")
            case .continueAsNew(let continuation): try Limits.check(key: continuation.id, "a workflow's id")
            case .consume, .settle, .refuse, .finish, .overlook, .suspend, .release, .pause, .forgive, .deliver: break
            }
        }
    }

    func validate(_ record: WorkflowRecord) throws(StoreError) {
        if let id = record.id { try Limits.check(key: id, "a workflow's id") }
        if let parent = record.parent { try Limits.check(key: parent.key, "a step's key") }
        try validate(record.lane)
    }

    func validate(_ lane: Lane) throws(StoreError) {
        try Limits.check(text: lane.queue, "a queue's name")
        try Limits.check(text: lane.key, "a queue's key")
        try Limits.check(text: lane.version, "a version")
        try Limits.check(text: lane.workflow, "a workflow's name")
        let bytes = lane.queue.utf8.count + lane.key.utf8.count + lane.workflow.utf8.count + lane.version.utf8.count
        guard bytes <= Limits.keyBytes else {
            throw StoreError(.rejected, "the names of a queue, its key, a workflow and its version are too long together")
        }
    }

    /// A number is given out once: another workflow under it is never taken for a resend.
    private func validate(_ record: WorkflowRecord, against started: inout [WorkflowNumber: WorkflowRecord]) throws(StoreError) {
        if let known = workflows[record.number] ?? started.updateValue(record, forKey: record.number), !known.isResend(of: record) {
            throw Self.numberTaken(record.number)
        }
    }

    static func numberTaken(_ number: WorkflowNumber) -> StoreError {
        StoreError(.rejected, "the number \(number) is another workflow's")
    }
}
