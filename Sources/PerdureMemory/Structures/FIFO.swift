/// First in, first out, without moving what stays; something may also leave from the middle.
struct FIFO<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var head = 0

    init(_ elements: [Element] = []) { self.elements = elements }

    var count: Int { elements.count - head }
    var isEmpty: Bool { head == elements.count }
    var first: Element? { isEmpty ? nil : elements[head] }
    var all: ArraySlice<Element> { elements[head...] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() -> Element? {
        let first = first
        if first != nil { remove(at: head) }
        return first
    }

    /// The index in `all` of the element of this value; they rise by it.
    func index(of value: Int64, by: (Element) -> Int64) -> Int? {
        let index = elements.firstIndex(notBelow: value, from: head, by)
        return index < elements.count && by(elements[index]) == value ? index : nil
    }

    mutating func change(at index: Int, _ body: (inout Element) -> Void) { body(&elements[index]) }

    /// Taking the first costs nothing, whatever waits behind it.
    mutating func remove(at index: Int) {
        guard index == head else {
            elements.remove(at: index)
            return
        }
        head += 1
        // Each element is moved at most once for each that was taken.
        if head > 32, head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
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
