import Perdure

/// Of each item what `body` makes of it in whichever lane is free, in the order of the items.
///
/// - Parameter body: Is given the lane, the item, and the item's place.
func each<Item: Sendable, Lane: Sendable, Result: Sendable>(
    _ items: [Item], in lanes: [Lane], _ body: @escaping @Sendable (Lane, Item, Int) async throws -> Result
) async throws -> [Result] {
    let left = Lock(Array(items.enumerated().reversed()))
    return try await withThrowingTaskGroup(of: [(Int, Result)].self) { group in
        for lane in lanes {
            group.addTask {
                var results: [(Int, Result)] = []
                while let (index, item) = left.withLock({ $0.popLast() }) {
                    results.append((index, try await body(lane, item, index)))
                }
                return results
            }
        }
        return try await group.reduce(into: []) { $0 += $1 }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
