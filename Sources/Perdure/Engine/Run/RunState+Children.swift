/// What is known of the children that earlier lives of a workflow have started.
///
/// The history does not tell of all: a start under an id commits before the row that names it, and the engine may die between the two.
enum Inheritance {
    case unknown
    case asked
    case known([OpenChild])

    var isAsked: Bool { if case .asked = self { true } else { false } }
}

extension RunState {
    /// The code knows the child whose start is recorded under `key`.
    mutating func addChild(_ child: ChildReference, startedAs key: String) {
        newChildren[key] = nil
        children[child.number] = child
    }

    /// As `addChild`, for those that were started together: which of them are open, the database is asked when that matters.
    mutating func addBlock(_ block: ChildBlock, startedAs key: String, to group: String) {
        newChildren[key] = nil
        groups.add(block, to: group)
        if case .known = inheritance { inheritance = .unknown }
    }

    mutating func removeChild(_ number: WorkflowNumber) { children[number] = nil }

    /// False if it was asked for before.
    mutating func claimResult(_ key: String) -> Bool { claimedResults.insert(key).inserted }

    /// All children that have not ended, as far as can be known; nil until `inherit` has told of those from earlier lives.
    var openChildren: [OpenChild]? {
        guard case .known(let inherited) = inheritance else { return nil }
        let onTheWay = Array(inFlight.values) + durable.values + newChildren.values
        let starts = onTheWay.lazy.filter { $0.kind == .childStart }.compactMap { $0.output.flatMap(ChildReference.init) }
        let blocks = onTheWay.lazy.filter { $0.kind == .childrenStart }.compactMap { $0.output.flatMap { ChildBlock($0) } }
        let own = children.values.map(\.openChild) + starts.map(\.openChild) + blocks.flatMap(\.openChildren)
        // The database knows which run one goes on as.
        let known = Set(inherited.map(\.first))
        return Array(Set(inherited + own.filter { !known.contains($0.first) }))
    }

    /// True for the first who is to ask the database.
    mutating func claimInheritance() -> Bool {
        guard case .unknown = inheritance else { return false }
        inheritance = .asked
        return true
    }

    /// The code has come to its end, and knows of every child that it has started; but one whose start was cut off may be an earlier life's.
    mutating func inheritsNothing() {
        if !hasCutStart, !groups.hasOpen { inherit([]) }
    }

    mutating func inherit(_ children: [OpenChild]) { inheritance = .known(children) }
}
