internal import Perdure

/// Rows of `attributes` on their way, beside those of their workflows.
final class AttributeColumns {
    private let workflow = Column(PostgresType.int8)
    private let name = Column(PostgresType.text)
    private let place = Column(PostgresType.int2)
    private let kind = Column(PostgresType.int2)
    private let text = Column(PostgresType.text)
    private let number = Column(PostgresType.text)

    var count: Int { workflow.count }

    func clear() {
        for column in columns { column.clear() }
    }

    /// Nothing, for most.
    @inline(__always)
    func append(_ record: WorkflowRecord) throws(StoreError) {
        if record.attributes != nil { try appendRows(of: record) }
    }

    private func appendRows(of record: WorkflowRecord) throws(StoreError) {
        for row in record.attributeRows {
            workflow.append(record.number)
            try name.append(row.name)
            place.append(row.place)
            kind.append(row.kind.rawValue)
            try text.append(row.text)
            try number.append(row.number?.decimal)
        }
    }

    var parameters: [ParameterBuffer?] { columns.map(\.sealed) }

    private var columns: [Column] { [workflow, name, place, kind, text, number] }

    /// Writes them in the statement that writes their workflows, in which `w` returns the numbers that are new; its parameters are `first` and those
    /// behind it.
    static func insertion(_ s: SchemaName, from first: Int) -> String {
        """
        t AS (INSERT INTO \(s).attributes (workflow, name, place, kind, text, number)
            SELECT v.workflow, v.name, v.place, v.kind, v.text, v.number::numeric
            FROM unnest(\(arrays(["int8", "text", "int2", "int2", "text", "text"], from: first))) AS v(workflow, name, place, kind, text, number)
            WHERE v.workflow IN (SELECT number FROM w))
        """
    }
}

extension AttributeRow.Number {
    /// As Postgres reads a `numeric`: exact, a double in the fewest digits that tell it from others.
    var decimal: String {
        switch self {
        case .int(let number): String(number)
        case .double(let number): number.description
        }
    }
}
