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
    /// All children that have not ended, as far as can be known; nil until `inherit` has told of those from earlier lives.
    var openChildren: [OpenChild]? {
        guard case .known(let inherited) = inheritance else { return nil }
        let onTheWay = (Array(inFlight.values) + durable.values + newChildren.values).filter { $0.kind == .childStart }
        let own = children.values + onTheWay.compactMap { $0.output.flatMap(ChildReference.init) }
        return Array(Set(inherited + own.map(\.openChild)))
    }

    /// True for the first who is to ask the database.
    mutating func claimInheritance() -> Bool {
        guard case .unknown = inheritance else { return false }
        inheritance = .asked
        return true
    }

    /// The code has come to its end, and knows of every child that it has started; but one whose start was cut off may be an earlier life's.
    mutating func inheritsNothing() {
        if !hasCutStart { inherit([]) }
    }

    mutating func inherit(_ children: [OpenChild]) { inheritance = .known(children) }
}
