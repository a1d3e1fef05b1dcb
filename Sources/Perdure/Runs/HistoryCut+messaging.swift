// What a workflow has told the world, and was told: as far as the rows that are taken over go.

extension HistoryCut {
    /// The newest value of each event.
    func events(_ events: [EventRecord], of number: WorkflowNumber) -> [EventRecord] {
        let rows = kept.filter { $0.kind == .event }
        return events.compactMap { event in
            let base = "@event:" + Names.key(event.name, id: nil)
            if let row = rows.last(where: { $0.isOccurrence(of: base) }) {
                return EventRecord(workflow: number, name: event.name, value: row.output ?? .void, published: row.finished)
            }
            guard isOfEarlierRun(event.published) else { return nil }
            return EventRecord(workflow: number, name: event.name, value: event.value, published: event.published)
        }
    }

    /// Whether something was told by a run that this one continues.
    private func isOfEarlierRun(_ told: Microseconds) -> Bool {
        RunOrigin(history.origin)?.chain != nil && told <= history.record.created
    }

    /// The values of one stream that stem from rows that are taken over, one behind the other.
    func stream(_ values: [StreamRecord], of number: WorkflowNumber) -> [StreamRecord] {
        guard let name = values.first?.stream else { return [] }
        let base = "@append:" + Names.key(name, id: nil)
        let own = Set(kept.filter { $0.kind == .append && $0.isOccurrence(of: base) }.map { Appended(at: $0.finished, value: $0.output) })
        let keys = keptKeys
        let left = values.filter { value in
            isOfEarlierRun(value.appended)
                || value.step.map(keys.contains) ?? own.contains(Appended(at: value.appended, value: value.value))
        }
        return left.enumerated().map { offset, value in
            var value = value
            (value.workflow, value.offset) = (number, Int64(offset))
            return value
        }
    }

    private struct Appended: Hashable {
        var at: Microseconds
        var value: EncodedPayload?
    }

    /// Messages whose receive is not taken over: they are there to be received.
    func messages(for number: WorkflowNumber) -> [InboxItem] {
        history.steps.compactMap { row in
            guard let order = row.order, order >= before, row.kind == .receive, let payload = row.output,
                let topic = Names.name(ofKey: row.key, behind: "@receive:")
            else { return nil }
            return InboxItem(workflow: number, kind: .message, payload: payload, topic: topic)
        }
    }
}

extension StepRecord {
    /// Whether it is `base`, `base#2` and so on.
    fileprivate func isOccurrence(of base: String) -> Bool { key == base || key.hasPrefix(base + "#") }
}

extension Names {
    /// The name in a key that was made of a name alone; the other way round as `key(_:id:)`.
    static func name(ofKey key: String, behind prefix: String) -> String? {
        guard key.hasPrefix(prefix) else { return nil }
        var name: [UInt8] = []
        var isEscaped = false
        for byte in key.utf8.dropFirst(prefix.utf8.count) {
            if isEscaped {
                name.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "#") || byte == UInt8(ascii: "[") {
                break
            } else {
                name.append(byte)
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
