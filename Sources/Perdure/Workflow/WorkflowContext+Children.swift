extension WorkflowContext {
    /// Starts as many children as there are inputs, some hundreds in each transaction, and goes on when all starts are durable.
    ///
    /// The inputs are drawn as they are needed, so a lazy sequence need not fit into memory. A replay draws them again: they must be the same.
    ///
    /// ```swift
    /// for try await child in try await context.startChildren(Resize.self, images) {
    ///     sizes[child.index] = try child.output
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - type: The children's type; it need not be registered here, if another engine has it.
    ///   - inputs: What each is given.
    ///   - onClose: What happens to those that are open if this workflow ends before them.
    ///   - queue: Where they wait for their turn; without one they begin as soon as an engine has its hands free.
    ///   - options: Their key and their priority there.
    ///   - attributes: What each of them is found by.
    public func startChildren<Child: Workflow, Inputs: Sequence>(
        _ type: Child.Type, _ inputs: Inputs, onClose: ParentClosePolicy = .terminate, on queue: Queue? = nil,
        options: ChildQueueOptions = ChildQueueOptions(), attributes: [String: SearchAttribute] = [:]
    ) async throws -> ChildGroup<Child.Output> where Inputs.Element == Child.Input, Child.Input: Codable, Child.Output: Codable {
        let (key, blocks) = try await startGroup(Child.name, inputs, onClose, QueuedChild(queue, options), attributes)
        return ChildGroup(count: blocks.size, context: self, key: key, blocks: blocks) { [self] payload, what in
            try decoded(Child.Output.self, payload, what)
        }
    }

    /// Starts as many children that return nothing as there are inputs.
    public func startChildren<Child: Workflow, Inputs: Sequence>(
        _ type: Child.Type, _ inputs: Inputs, onClose: ParentClosePolicy = .terminate, on queue: Queue? = nil,
        options: ChildQueueOptions = ChildQueueOptions(), attributes: [String: SearchAttribute] = [:]
    ) async throws -> ChildGroup<Void> where Inputs.Element == Child.Input, Child.Input: Codable, Child.Output == Void {
        let (key, blocks) = try await startGroup(Child.name, inputs, onClose, QueuedChild(queue, options), attributes)
        return ChildGroup(count: blocks.size, context: self, key: key, blocks: blocks) { _, _ in }
    }

    private func startGroup<Inputs: Sequence>(
        _ name: String, _ inputs: Inputs, _ onClose: ParentClosePolicy, _ place: QueuedChild?,
        _ attributes: [String: SearchAttribute]
    ) async throws -> (key: String, blocks: [ChildBlock]) where Inputs.Element: Encodable {
        try await enter("children '\(name)'")
        try Names.check(name, "the name of a child")
        try place?.check(name)
        let attributes = try SearchAttribute.stored(attributes)
        let group = run.state.withLock { $0.nextKey(Names.group(name)) }
        var blocks: [ChildBlock] = []
        var rest = inputs.makeIterator()
        var drawn: [Inputs.Element] = []
        while true {
            draw(&drawn, ChildBlock.limit, from: &rest)
            if drawn.isEmpty { return (group, blocks) }
            if !blocks.isEmpty { try await enter("children '\(name)'") }
            let index = blocks.size
            let record = try await call(Names.start(ofGroup: group), .childrenStart) { key in
                start(name, drawn, from: index, as: key, onClose, place, attributes)
            }
            let block = try decoded(ChildBlock.self, succeeded(record).output, "the recorded start of children '\(name)'")
            // How many are one block is the library's affair, and may have been another's when this was recorded.
            draw(&drawn, block.count, from: &rest)
            guard drawn.count >= block.count, block.index == index else { throw diverged(record, drawn.count, block) }
            drawn.removeFirst(block.count)
            run.state.withLock { $0.addBlock(block, startedAs: record.key, to: group) }
            blocks.append(block)
        }
    }

    private func draw<Inputs: IteratorProtocol>(_ drawn: inout [Inputs.Element], _ count: Int, from rest: inout Inputs) {
        while drawn.count < count, let input = rest.next() { drawn.append(input) }
    }

    private func start<Input: Encodable>(
        _ name: String, _ drawn: [Input], from index: Int, as key: String, _ onClose: ParentClosePolicy, _ place: QueuedChild?,
        _ attributes: EncodedPayload?
    ) {
        var inputs: [EncodedPayload] = []
        var bytes = 0
        do throws(WorkflowError) {
            for input in drawn where bytes < ChildBlock.byteLimit {
                let payload = try run.coder.encode(input, what: "the input of child '\(name)'")
                inputs.append(payload)
                bytes += payload.bytes.count
            }
        } catch {
            run.record(key, .childrenStart, .failure(run.workflow.errors.record(error, with: run.coder)), started: run.host.clock.now())
            return
        }
        ChildrenStart(
            run: run, key: key, name: name, inputs: inputs, index: index, onClose: onClose, place: place, attributes: attributes
        ).start()
    }

    private func diverged(_ record: StepRecord, _ count: Int, _ block: ChildBlock) -> WorkflowError {
        let error = WorkflowError(
            .nondeterminism,
            "the history holds the start of \(block.count) children from place \(block.index) on under '\(record.key)', and the code has \(count) inputs there"
        )
        run.setAside(error)
        return error
    }

    /// The next ends of a group, one at least.
    func groupPage(_ group: String) async throws -> [GroupMember] {
        // Also in a task that is cancelled: the children are asked to cancel then, and waited for.
        try await enter("the results of '\(group)'", isCancellable: false)
        let record = try await call(Names.ends(ofGroup: group), .childrenEnded) { key in
            run.state.withLock { $0.setCancelWork(key) { [run] in run.cancelGroup(group) } }
            run.awaitEnds(of: group, key)
        }
        guard let page = try succeeded(record).output.flatMap(GroupPage.members) else {
            let error = WorkflowError(.undecodable, "the recorded ends of children under '\(record.key)' cannot be decoded")
            run.setAside(error)
            throw error
        }
        run.state.withLock { $0.groups.gave(page.count, of: group) }
        return page
    }

    /// The error that a payload holds.
    func restored(_ error: EncodedPayload) -> any Error { run.workflow.errors.restore(error, with: run.coder) }
}

extension [ChildBlock] {
    /// How many children they are.
    fileprivate var size: Int { last.map { $0.index + $0.count } ?? 0 }
}
