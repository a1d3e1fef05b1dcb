/// The names of types, each asked of the runtime once: it makes them by reflection, which costs a start more than its row.
enum TypeNames {
    private static let known = Lock<[ObjectIdentifier: String]>([:])

    static func name(of type: Any.Type) -> String {
        let id = ObjectIdentifier(type)
        if let name = known.withLock({ $0[id] }) { return name }
        let name = String(describing: type)
        known.withLock { $0[id] = name }
        return name
    }
}
