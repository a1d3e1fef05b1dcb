internal import Perdure

/// Who holds which slot of which limit: an executor, or a workflow until its end.
struct SlotTable: Sendable {
    private enum Holder: Hashable, Sendable {
        case executor(ExecutorID)
        case workflow(WorkflowNumber)
    }

    private var holders: [LimitID: [Int32: Holder]] = [:]
    private var slots: [Holder: Set<Slot>] = [:]

    /// The lowest that are free, as many as are wished for; never more than the limit together with those that are held.
    mutating func take(_ wish: SlotWish, by executor: ExecutorID) -> [Slot] {
        let held = holders[wish.limit] ?? [:]
        let most = min(wish.wanted, wish.capacity - held.count)
        var taken: [Slot] = []
        var index: Int32 = 0
        while taken.count < most, index < wish.capacity {
            if held[index] == nil { taken.append(Slot(limit: wish.limit, index: index)) }
            index += 1
        }
        for slot in taken { hold(slot, .executor(executor)) }
        return taken
    }

    /// It is the workflow's own from now on.
    mutating func give(_ slot: Slot, of executor: ExecutorID, to workflow: WorkflowNumber) {
        free(slot, of: executor)
        hold(slot, .workflow(workflow))
    }

    mutating func free(_ slot: Slot, of executor: ExecutorID) { free(slot, .executor(executor)) }

    mutating func free(of workflow: WorkflowNumber) { freeAll(.workflow(workflow)) }

    /// It is another workflow's own from now on.
    mutating func give(allOf workflow: WorkflowNumber, to next: WorkflowNumber) {
        for slot in slots[.workflow(workflow)] ?? [] {
            free(slot, .workflow(workflow))
            hold(slot, .workflow(next))
        }
    }

    /// Those that are its own; what is its workflows' stays.
    mutating func free(allOf executor: ExecutorID) { freeAll(.executor(executor)) }

    /// All that workflows of a queue hold.
    mutating func free(ownOf queue: String) {
        for (limit, held) in holders where limit.queue == queue {
            for (index, holder) in held {
                if case .workflow = holder { free(Slot(limit: limit, index: index), holder) }
            }
        }
    }

    func held(by executor: ExecutorID) -> [Slot] {
        (slots[.executor(executor)] ?? []).sorted { ($0.limit, $0.index) < ($1.limit, $1.index) }
    }

    func count(of limit: LimitID) -> Int { holders[limit]?.count ?? 0 }

    /// The workflows that have slots of their own, by rising number.
    func workflows(holding limit: LimitID) -> [WorkflowNumber] {
        (holders[limit] ?? [:]).values.compactMap { if case .workflow(let number) = $0 { number } else { nil } }.sorted()
    }

    private mutating func hold(_ slot: Slot, _ holder: Holder) {
        holders[slot.limit, default: [:]][slot.index] = holder
        slots[holder, default: []].insert(slot)
    }

    private mutating func free(_ slot: Slot, _ holder: Holder) {
        guard slots[holder]?.remove(slot) != nil else { return }
        if slots[holder]?.isEmpty == true { slots[holder] = nil }
        holders[slot.limit]?[slot.index] = nil
        if holders[slot.limit]?.isEmpty == true { holders[slot.limit] = nil }
    }

    private mutating func freeAll(_ holder: Holder) {
        for slot in slots[holder] ?? [] { free(slot, holder) }
    }
}
