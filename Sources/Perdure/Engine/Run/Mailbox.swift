/// Messages and requests that have arrived, and the calls that wait for them: pure.
///
/// First in, first out on each topic. What a receive had been given when it was cancelled goes back to the front; while that is on its way, the
/// topic gives nothing else out.
struct Mailbox {
    /// Messages and requests have topics of their own.
    struct Address: Hashable {
        var kind: InboxKind
        var topic: String
    }

    /// What a call is given.
    enum Gift {
        case arrived(InboxItem)
        /// What another had been given.
        case returned(EncodedPayload)
    }

    private struct Box {
        var arrived: ArraySlice<InboxItem> = []
        var returned: [(payload: EncodedPayload, isGiven: Bool)] = []
        /// The keys of the calls that wait.
        var wanted: [String] = []
        /// So many were given to calls that were cancelled meanwhile.
        var recalled = 0

        mutating func putBack(_ item: InboxItem) { arrived.insert(item, at: arrived.startIndex) }
    }

    private var boxes: [Address: Box] = [:]

    mutating func arrive(_ item: InboxItem) {
        boxes[Address(kind: item.kind, topic: item.topic ?? ""), default: Box()].arrived.append(item)
    }

    /// The rows of the inbox that nobody has asked for.
    var unread: [Int64] { boxes.values.flatMap { $0.arrived.map(\.sequence) } }

    mutating func want(_ address: Address, _ key: String) { boxes[address, default: Box()].wanted.append(key) }

    mutating func unwant(_ address: Address, _ key: String) { boxes[address]?.wanted.removeAll { $0 == key } }

    /// What has come back and that nobody has received, as rows of the inbox of the run as which this one goes on.
    func returned(for next: WorkflowNumber) -> [InboxItem] {
        boxes.sorted { $0.key.topic < $1.key.topic }.flatMap { address, box in
            box.returned.map { InboxItem(workflow: next, kind: address.kind, payload: $0.payload, topic: address.topic) }
        }
    }

    /// The first that waits, and what it is given.
    mutating func match(_ address: Address) -> (key: String, gift: Gift)? {
        guard var box = boxes[address], box.recalled == 0, let key = box.wanted.first else { return nil }
        let gift: Gift
        if let index = box.returned.firstIndex(where: { !$0.isGiven }) {
            box.returned[index].isGiven = true
            gift = .returned(box.returned[index].payload)
        } else if let item = box.arrived.popFirst() {
            gift = .arrived(item)
        } else {
            return nil
        }
        box.wanted.removeFirst()
        boxes[address] = box
        return (key, gift)
    }

    /// The one who was to have it is gone.
    mutating func takeBack(_ gift: Gift, _ address: Address) {
        switch gift {
        case .arrived(let item): boxes[address, default: Box()].putBack(item)
        case .returned(let payload): giveBack(payload, address)
        }
    }

    /// A call that has been given something was cancelled before that came.
    mutating func recall(_ address: Address) { boxes[address, default: Box()].recalled += 1 }

    /// What was recalled is here; `again` if it had come back before.
    mutating func comeBack(_ payload: EncodedPayload?, again: Bool, _ address: Address) {
        let recalled = boxes[address, default: Box()].recalled
        boxes[address]?.recalled = max(0, recalled - 1)
        guard let payload else { return }
        if again { giveBack(payload, address) } else { boxes[address]?.returned.append((payload, false)) }
    }

    /// What had come back was received by another call.
    ///
    /// Equal payloads are as good as each other.
    mutating func settled(_ payload: EncodedPayload?, _ address: Address) {
        guard let index = boxes[address]?.returned.firstIndex(where: { $0.payload == payload }) else { return }
        boxes[address]?.returned.remove(at: index)
    }

    private mutating func giveBack(_ payload: EncodedPayload, _ address: Address) {
        guard let index = boxes[address]?.returned.firstIndex(where: { $0.isGiven && $0.payload == payload }) else { return }
        boxes[address]?.returned[index].isGiven = false
    }
}
