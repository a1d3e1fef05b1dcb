/// The groups of children that a workflow has started, and who waits for their ends: pure.
///
/// Ends stay in the inbox until the code asks for more: nothing is kept here for each child.
struct ChildGroups {
    private enum Look {
        case none
        /// The database is being asked.
        case asking
        /// As `asking`, and something has come since.
        case askingAgain
        /// There was nothing.
        case waiting
    }

    private struct Group {
        var blocks: [ChildBlock] = []
        /// How many ends the code has been given.
        var given = 0
        /// The key of the call that waits.
        var key: String?
        var look = Look.none
        var isCancelled = false
    }

    private var groups: [String: Group] = [:]

    var isEmpty: Bool { groups.isEmpty }

    /// Some of the children may be open.
    var hasOpen: Bool { groups.values.contains { $0.given < $0.blocks.reduce(0) { $0 + $1.count } } }

    /// The groups whose ends the code waits for.
    var awaited: [String] { groups.filter { $1.key != nil }.map(\.key).sorted() }

    mutating func add(_ block: ChildBlock, to group: String) { groups[group, default: Group()].blocks.append(block) }

    func blocks(of group: String) -> [ChildBlock] { groups[group]?.blocks ?? [] }

    mutating func gave(_ count: Int, of group: String) { groups[group]?.given += count }

    /// A call waits; the database is to be asked.
    mutating func want(_ group: String, _ key: String) {
        groups[group, default: Group()].key = key
        groups[group]?.look = .asking
    }

    /// Ends have arrived, of whatever group; returns those for which the database is to be asked.
    mutating func arrived() -> [String] {
        var ask: [String] = []
        for (name, group) in groups {
            switch group.look {
            case .none, .askingAgain: break
            case .asking: groups[name]?.look = .askingAgain
            case .waiting:
                groups[name]?.look = .asking
                ask.append(name)
            }
        }
        return ask.sorted()
    }

    enum Answer {
        /// Nobody waits any more.
        case drop
        case ask
        case wait
        case give(key: String)
    }

    /// What the database has answered.
    mutating func answered(_ name: String, isEmpty: Bool) -> Answer {
        guard let group = groups[name], let key = group.key else { return .drop }
        if !isEmpty {
            groups[name]?.key = nil
            groups[name]?.look = .none
            return .give(key: key)
        }
        groups[name]?.look = group.look == .askingAgain ? .asking : .waiting
        return group.look == .askingAgain ? .ask : .wait
    }

    /// True for the first who asks the group to cancel.
    mutating func claimCancel(_ group: String) -> Bool {
        guard groups[group]?.isCancelled == false else { return false }
        groups[group]?.isCancelled = true
        return true
    }
}

extension [ChildBlock] {
    /// The place of a child among all of its group.
    func index(of number: WorkflowNumber) -> Int? {
        guard let block = first(where: { $0.contains(number) }) else { return nil }
        return block.index + Int(number - block.first)
    }

    func number(at index: Int) -> WorkflowNumber? {
        var low = 0
        var high = count
        // The last block that begins at or before it.
        while low < high {
            let middle = (low + high) / 2
            if self[middle].index <= index { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let block = self[low - 1]
        return index - block.index < block.count ? block.first + WorkflowNumber(index - block.index) : nil
    }
}
