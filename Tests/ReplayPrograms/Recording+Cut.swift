internal import FoundationEssentials
internal import Perdure
package import PerdureMemory

extension Recording {
    /// What a crash at a random moment would have left: the first rows of the history, and the children that they name, ended as they did.
    package func cut(_ children: [Recording]) -> (root: WorkflowCopy, children: [WorkflowCopy]) {
        var root = reopened
        root.steps = Array(copy.steps.prefix(Int.random(in: 0...copy.steps.count)))
        let keys = Set(root.steps.map(\.key))
        let started = Set(
            root.steps.filter { $0.kind == .childStart }.compactMap { step in
                step.output.flatMap { try? JSONDecoder().decode(ChildReference.self, from: Data($0.bytes)).number }
            })
        let kept = children.filter { started.contains($0.copy.record.number) }
        for child in kept where !keys.contains((child.copy.record.parent?.key ?? "") + "/result") {
            root.inbox.append(
                InboxItem(workflow: root.record.number, kind: .childEnded, reference: child.copy.record.number))
        }
        if !keys.contains("@cancel"), copy.steps.contains(where: { $0.kind == .cancel }), Bool.random() {
            root.inbox.append(InboxItem(workflow: root.record.number, kind: .cancel))
        }
        return (root, kept.map(\.copy))
    }

    /// Its history with a step, or a transaction, that the code does not know; nil if there is none.
    package var withARowRenamed: WorkflowCopy? {
        var changed = reopened
        let candidates = copy.steps.indices.filter { copy.steps[$0].kind == .step || copy.steps[$0].kind == .transaction }
        guard let index = candidates.randomElement() else { return nil }
        changed.steps[index].key += "?"
        return changed
    }
}
