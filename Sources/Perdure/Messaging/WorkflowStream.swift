/// A stream of a workflow, read from a place on while it grows; ends when it is closed, or the workflow has ended.
///
/// It may be read by any number of readers in any process, and again from any place.
public struct WorkflowStream<Value: Payload>: AsyncSequence, Sendable {
    /// A value and where it comes from.
    public struct Item: Sendable {
        /// Its place: to read on behind it, begin with the next.
        public let offset: Int
        /// What was appended.
        public let value: Value
        /// The step whose body appended it; nil for the workflow itself.
        public let step: String?
        /// The attempt of that step: values of an earlier one are followed by those of the next.
        public let attempt: Int
    }

    /// What it yields.
    public typealias Element = Item

    let core: ClientCore
    let number: WorkflowNumber
    let name: String
    let start: Int

    /// A new reader.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: self) }

    /// Reads pages, and waits for the next.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private static var pageLimit: Int { 1_000 }

        private let stream: WorkflowStream
        private var page: ArraySlice<StreamRecord> = []
        private var next: Int64
        private var isOver = false

        init(stream: WorkflowStream) {
            self.stream = stream
            next = Int64(stream.start)
        }

        /// The next value; nil at the end.
        ///
        /// - Throws: ``WorkflowError/Code/closed`` if the client is closed meanwhile, which is not the end: read on with another, from the next place.
        public mutating func next() async throws -> Item? {
            if isOver { return nil }
            if page.isEmpty { try await fill() }
            guard let record = page.popFirst(), let payload = record.value else {
                isOver = true
                return nil
            }
            next = record.offset + 1
            let value = try stream.core.coder.decode(Value.self, from: payload, what: "a value of stream '\(stream.name)'")
            return Item(offset: Int(record.offset), value: value, step: record.step, attempt: Int(record.attempt))
        }

        /// Stays empty only at the end.
        private mutating func fill() async throws {
            let (stream, from) = (stream, next)
            let found = try await stream.core.publications.wait(on: stream.number) {
                // First this: what it appended last is there when it has ended.
                let hasEnded = try await stream.core.hasEnded(stream.number)
                let page = try await stream.core.store.stream(stream.name, of: stream.number, from: from, limit: Self.pageLimit)
                return page.isEmpty && !hasEnded ? nil : page
            }
            page = (found ?? [])[...]
        }
    }
}

extension WorkflowHandle {
    /// The values of a stream of the workflow, from a place on.
    public func stream<Element>(_ key: StreamKey<Element>, from offset: Int = 0) -> WorkflowStream<Element> {
        WorkflowStream(core: core, number: number, name: key.name, start: Swift.max(0, offset))
    }
}
