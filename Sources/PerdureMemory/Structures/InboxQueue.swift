internal import Perdure

/// One workflow's inbox, by rising sequence; taking the first costs nothing, whatever waits behind it.
struct InboxQueue: Sendable {
    private var rows: [InboxItem] = []
    private var head = 0

    var count: Int { rows.count - head }
    var isEmpty: Bool { head == rows.count }
    var items: ArraySlice<InboxItem> { rows[head...] }

    mutating func append(_ item: InboxItem) { rows.append(item) }

    func contains(_ sequence: Int64) -> Bool { index(of: sequence) != nil }

    /// Whether there was such a row.
    mutating func remove(_ sequence: Int64) -> Bool {
        guard let index = index(of: sequence) else { return false }
        guard index == head else {
            rows.remove(at: index)
            return true
        }
        head += 1
        if head > 32, head * 2 > rows.count {
            rows.removeFirst(head)
            head = 0
        }
        return true
    }

    private func index(of sequence: Int64) -> Int? {
        let index = rows.firstIndex(notBelow: sequence, from: head) { $0.sequence }
        return index < rows.count && rows[index].sequence == sequence ? index : nil
    }
}

extension Array {
    /// Binary search in what rises by `value`: the first index from `start` whose value is not below `bound`.
    func firstIndex(notBelow bound: Int64, from start: Int = 0, _ value: (Element) -> Int64) -> Int {
        var low = start
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if value(self[middle]) < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
