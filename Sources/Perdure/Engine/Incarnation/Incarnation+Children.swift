// The children of workflows that end before them.

/// Somebody who wants to know which children of a workflow are open.
struct ChildrenQuestion: Sendable {
    var number: WorkflowNumber
    var found: @Sendable ([OpenChild]) -> Void
}

extension Incarnation {
    private static let questionsAtOnce = 500

    /// Of a tree that is cancelled or terminated thousands ask at the same time: what gathers while one query is under way is one query.
    package func findChildren(of run: Run, _ found: @escaping @Sendable ([OpenChild]) -> Void) {
        ask([ChildrenQuestion(number: run.number, found: found)])
    }

    private func ask(_ questions: [ChildrenQuestion]) {
        let isFirst = childrenQuestions.withLock { waiting in
            defer { waiting += questions }
            return waiting.isEmpty
        }
        if isFirst { errand { [weak self] in await self?.answerQuestions() } }
    }

    private func answerQuestions() async {
        while true {
            let questions = childrenQuestions.withLock { Array($0.prefix(Self.questionsAtOnce)) }
            if questions.isEmpty { return }
            let isAnswered = await answer(questions)
            // Only now: until the last is gone nobody else begins.
            let isOver = childrenQuestions.withLock { waiting in
                waiting.removeFirst(questions.count)
                return waiting.isEmpty
            }
            if !isAnswered { clock.schedule(after: .milliseconds(100)) { [weak self] in self?.ask(questions) } }
            if isOver { return }
        }
    }

    /// False if they are to be asked again a little later.
    private func answer(_ questions: [ChildrenQuestion]) async -> Bool {
        do throws(StoreError) {
            let children = try await store.openChildren(of: questions.map(\.number))
            for question in questions { question.found(children[question.number] ?? []) }
            return true
        } catch {
            guard error.code == .rejected else {
                report(error, "the children of workflows that end could not be read, and are read again")
                return false
            }
            // One row that nobody understands must not disturb the others.
            if questions.count > 1 {
                var areAnswered = true
                for question in questions where await !answer([question]) { areAnswered = false }
                return areAnswered
            }
            log(
                .warning, "the children of workflow \(Names.publicID(questions[0].number)), which ends, cannot be read, and go on: \(error)"
            )
            questions[0].found([])
            return true
        }
    }
}
