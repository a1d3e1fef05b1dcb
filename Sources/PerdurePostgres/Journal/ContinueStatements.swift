internal import Perdure

/// The statement by which a run goes on as a new one, written for one schema.
struct ContinueStatements: Sendable {
    private let goOn: Statement

    init(_ s: SchemaName) {
        goOn = Statement(
            "perdure_continue",
            """
            SELECT \(s).continue_run($1::int8, $2::int8, $3::int8, $4::text, $5::bytea, $6::int2, $7::int8, $8::text, $9::int8, $10::int8,
                $11::int2[], $12::text[], $13::bytea[], $14::int2[], $15::int8[], $16::int2[])
            """)
    }

    func request(_ continuation: Continuation, by executor: ExecutorID) throws(StoreError) -> Request {
        let (kinds, topics, payloads) = (Column(PostgresType.int2), Column(PostgresType.text), PayloadColumns())
        for item in continuation.inbox {
            kinds.append(item.kind.rawValue)
            try topics.append(item.topic)
            payloads.append(item.payload)
        }
        let (told, toldKinds) = (Column(PostgresType.int8), Column(PostgresType.int2))
        for item in continuation.closing {
            told.append(item.workflow)
            toldKinds.append(item.kind.rawValue)
        }
        return Request(
            goOn,
            [
                .int8(executor), .int8(continuation.previous), .int8(continuation.number), try .text(continuation.id),
                .bytes(continuation.input.bytes), .int2(continuation.input.codec), .int8(continuation.at), try .text(continuation.origin),
                .int8(continuation.chain.first), .int8(continuation.chain.place), kinds.sealed, topics.sealed, payloads.bytes.sealed,
                payloads.codec.sealed, told.sealed, toldKinds.sealed,
            ])
    }
}
