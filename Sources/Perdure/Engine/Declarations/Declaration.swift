/// One thing that an engine is made of; written as the thing itself in the block of ``Engine/init(store:configuration:workflows:)``.
public struct Declaration: Sendable {
    package enum Content: Sendable {
        case workflow(Registration)
        case queue(Queue)
        case schedule(Schedule)
    }

    package let content: Content

    static func workflow(_ registration: Registration) -> Declaration { Declaration(content: .workflow(registration)) }
    static func queue(_ queue: Queue) -> Declaration { Declaration(content: .queue(queue)) }
    static func schedule(_ schedule: Schedule) -> Declaration { Declaration(content: .schedule(schedule)) }
}

/// All that an engine declares, checked.
package struct Declarations: Sendable {
    package private(set) var workflows: [String: Registration] = [:]
    package private(set) var queues: [QueueRules] = []
    package private(set) var schedules: [StoredSchedule] = []

    package init(_ declarations: [Declaration], _ coder: PayloadCoder = PayloadCoder()) throws(WorkflowError) {
        for declaration in declarations {
            switch declaration.content {
            case .workflow(let registration): try add(registration)
            case .queue(let queue): try add(queue)
            case .schedule(let schedule): try add(schedule.stored(coder))
            }
        }
    }

    /// What every engine runs, whatever else it runs.
    mutating func addOwn(_ core: ClientCore) {
        for registration in [BulkWork(core: core).registration, RunRequestWork(core: core).registration] {
            workflows[registration.name] = registration
        }
    }

    private mutating func add(_ registration: Registration) throws(WorkflowError) {
        if let fault = registration.fault { throw fault }
        guard workflows.updateValue(registration, forKey: registration.name) == nil else {
            throw WorkflowError(
                .invalidDeclaration, "two workflows are named '\(registration.name)': give one of them a `static let name`")
        }
    }

    private mutating func add(_ schedule: StoredSchedule) throws(WorkflowError) {
        guard !schedules.contains(where: { $0.name == schedule.name }) else {
            throw WorkflowError(
                .invalidDeclaration, "two schedules are named '\(schedule.name)': give one of them another name, or one schedule both times"
            )
        }
        schedules.append(schedule)
    }

    private mutating func add(_ queue: Queue) throws(WorkflowError) {
        try queue.check()
        let rules = QueueRules(queue)
        guard let other = queues.first(where: { $0.name == queue.name }) else { return queues.append(rules) }
        if other == rules { return }
        throw WorkflowError(
            .invalidDeclaration,
            "queue '\(queue.name)' is declared twice, with different limits: keep one declaration, and use that everywhere")
    }
}
