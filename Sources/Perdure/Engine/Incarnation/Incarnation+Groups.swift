// Children that are started together, and their ends.

extension Incarnation {
    private static let pageOfEnds = 500
    private static let bytesOfEnds = 512 << 10
    /// An engine that has fewer workflows in memory keeps children that it starts; then they are for whoever has its hands free.
    private static let handsFull = 2_000

    package func blockAtHand(_ count: Int) -> WorkflowNumber? { numbers.atHand(count) }
    package func nextBlock(_ count: Int) async throws(StoreError) -> WorkflowNumber { try await numbers.next(count) }

    package func admit(_ records: [WorkflowRecord]) -> Bool {
        guard let lane = records.first?.lane, canKeep(lane) else { return false }
        return residency.withLock { $0.admit(records.map(\.number), below: Self.handsFull) }
    }

    package func readGroupEnds(_ group: String, for run: Run) {
        errand { [weak self] in await self?.groupEnds(group, for: run) }
    }

    private func groupEnds(_ group: String, for run: Run) async {
        do throws(StoreError) {
            run.groupEnds(
                try await store.groupEnds(of: run.number, group, limit: Self.pageOfEnds, bytes: Self.bytesOfEnds), of: group)
        } catch {
            again(run, error, "the ends of children could not be read") { [weak self] in await self?.groupEnds(group, for: run) }
        }
    }

    package func cancelChildren(of run: Run, in blocks: [ChildBlock]) {
        findChildren(of: run) { [weak self] children in
            for child in children where blocks.index(of: child.first) != nil {
                self?.deliver(InboxItem(workflow: child.number, kind: .cancel))
            }
        }
    }
}
