/// Finds what was perhaps meant.
enum FilterSpelling {
    /// The candidate that is nearest, if it is near: one slip, or two in a long word.
    static func nearest(to word: String, among candidates: [String], atMost limit: Int? = nil) -> String? {
        let word = word.lowercased()
        let allowed = limit ?? (word.count > 5 ? 2 : 1)
        let ranked = candidates.map { (candidate: $0, slips: slips(word, $0.lowercased())) }
        guard let best = ranked.min(by: { ($0.slips, $0.candidate) < ($1.slips, $1.candidate) }), best.slips <= allowed else { return nil }
        return best.candidate
    }

    /// How many letters are wrong, missing, too many or exchanged with their neighbour.
    static func slips(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left), Array(right))
        // Nobody's word; and the work grows with the square.
        if max(left.count, right.count) > 64 { return .max }
        var before: [Int] = []
        var above = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let isSame = left[row] == right[column]
                var least = min(above[column] + (isSame ? 0 : 1), above[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    least = min(least, before[column - 1] + 1)
                }
                current.append(least)
            }
            (before, above) = (above, current)
        }
        return above[right.count]
    }
}
