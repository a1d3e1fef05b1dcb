/// A binary heap of timers, the earliest first; of one moment, the one that was scheduled first.
struct TimerHeap<Due: Comparable & Sendable>: Sendable {
    private var entries: [(due: Due, id: TimerID)] = []

    var count: Int { entries.count }
    /// When the earliest is due.
    var first: Due? { entries.first?.due }

    mutating func push(_ due: Due, _ id: TimerID) {
        entries.append((due, id))
        var child = entries.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes out all that are due, in their order.
    mutating func popDue(_ time: Due) -> [TimerID] {
        var due: [TimerID] = []
        while let first = entries.first, first.due <= time {
            due.append(first.id)
            pop()
        }
        return due
    }

    private mutating func pop() {
        guard let last = entries.popLast(), !entries.isEmpty else { return }
        entries[0] = last
        sink(0)
    }

    mutating func keep(_ isKept: (TimerID) -> Bool) {
        entries.removeAll { !isKept($0.id) }
        for parent in stride(from: entries.count / 2, through: 0, by: -1) { sink(parent) }
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && precedes(child, least) { least = child }
            if least == parent { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (entries[left].due, entries[left].id) < (entries[right].due, entries[right].id)
    }
}
