internal import Perdure

extension Query {
    fileprivate static let insertAttribute = Query(
        """
        INSERT INTO perdure_attributes (workflow, name, place, kind, text, number) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING
        """)
    fileprivate static let readAttributes = Query("SELECT attributes, attributes_codec FROM perdure_workflows WHERE number = ?1")
    fileprivate static let writeAttributes = Query(
        "UPDATE perdure_workflows SET attributes = ?2, attributes_codec = ?3 WHERE number = ?1")
    fileprivate static let deleteAttributes = Query("DELETE FROM perdure_attributes WHERE workflow = ?1")
}

extension Connection {
    /// Of a workflow that is new.
    func insertAttributes(of record: WorkflowRecord) throws(StoreError) {
        if record.attributes == nil { return }
        try insert(record.attributeRows, of: record.number)
    }

    private func insert(_ rows: [AttributeRow], of number: WorkflowNumber) throws(StoreError) {
        for row in rows {
            let statement = try prepared(.insertAttribute)
            statement.bind(1, number)
            try statement.bind(2, row.name)
            statement.bind(3, Int64(row.place))
            statement.bind(4, Int64(row.kind.rawValue))
            try statement.bind(5, row.text)
            switch row.number {
            case .int(let number): statement.bind(6, number)
            case .double(let number): statement.bind(6, number: number)
            case nil: statement.bind(6, Int64?.none)
            }
            try statement.run()
        }
    }

    /// Of one that was given others.
    func replaceAttributes(of record: WorkflowRecord) throws(StoreError) {
        try deleteAttributes(of: record.number)
        try insertAttributes(of: record)
    }

    private func deleteAttributes(of number: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.deleteAttributes)
        statement.bind(1, number)
        try statement.run()
    }

    /// nil if there is no such workflow.
    func attributes(of number: WorkflowNumber) throws(StoreError) -> [String: SearchAttribute]? {
        let statement = try prepared(.readAttributes)
        statement.bind(1, number)
        return try statement.first { row in
            guard let payload = row.payload(0), payload.codec == 1 else { return [:] }
            return AttributeJSON.read(payload.bytes) ?? [:]
        }
    }

    /// Instead of all that it had.
    func write(_ attributes: [String: SearchAttribute], of number: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.writeAttributes)
        statement.bind(1, number)
        try statement.bind(2, attributes.isEmpty ? nil : SearchAttribute.encoded(attributes))
        try statement.run()
        try deleteAttributes(of: number)
        try insert(attributes.sorted { $0.key < $1.key }.flatMap { AttributeRow.rows($0.key, $0.value) }, of: number)
    }
}
