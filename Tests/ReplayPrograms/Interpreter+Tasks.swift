internal import Perdure

// Every form of structured concurrency.
extension Interpreter {
    func caught(_ operations: [Operation], _ path: String) async {
        do {
            try await run(operations, path)
        } catch {
            trace.note(path, "caught \(describe(error))")
        }
    }

    func asyncLet(
        _ first: [Operation], _ second: [Operation], beside: [Operation], _ awaited: Awaited, _ path: String
    ) async throws {
        async let left: Void = run(first, path + "a")
        async let right: Void = run(second, path + "b")
        try await run(beside, path + "c")
        switch awaited {
        case .both:
            try await left
            try await right
        case .secondFirst:
            try await right
            try await left
        case .first: try await left
        case .none: break
        }
        trace.note(path, "awaited")
    }

    func group(_ kind: GroupKind, _ children: [[Operation]], _ end: GroupEnd, _ path: String) async throws {
        switch kind {
        case .plain: await plainGroup(children, end, path)
        case .throwing: try await throwingGroup(children, end, path)
        case .discarding:
            await withDiscardingTaskGroup { group in
                for (index, child) in children.enumerated() { group.addTask { await self.caught(child, "\(path)d\(index)") } }
                if end == .cancelAfterFirst { group.cancelAll() }
            }
        case .throwingDiscarding:
            try await withThrowingDiscardingTaskGroup { group in
                for (index, child) in children.enumerated() { group.addTask { try await self.run(child, "\(path)e\(index)") } }
                if end == .cancelAfterFirst { group.cancelAll() }
            }
        }
        trace.note(path, "group ended")
    }

    private func plainGroup(_ children: [[Operation]], _ end: GroupEnd, _ path: String) async {
        await withTaskGroup(of: Int.self) { group in
            for (index, child) in children.enumerated() {
                group.addTask {
                    await self.caught(child, "\(path)g\(index)")
                    return index
                }
            }
            if end == .leave { return }
            while let index = await group.next() {
                trace.note(path, "next \(index)")
                if end == .cancelAfterFirst { group.cancelAll() }
            }
        }
    }

    private func throwingGroup(_ children: [[Operation]], _ end: GroupEnd, _ path: String) async throws {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for (index, child) in children.enumerated() {
                group.addTask {
                    try await self.run(child, "\(path)t\(index)")
                    return index
                }
            }
            switch end {
            case .leave: break
            case .awaitAll:
                for try await index in group { trace.note(path, "next \(index)") }
            case .cancelAfterFirst:
                while let result = await group.nextResult() {
                    trace.note(path, "next \((try? result.get()) ?? -1)")
                    group.cancelAll()
                }
            }
        }
    }

    func race(_ plan: StepPlan, _ time: Int, _ path: String) async throws {
        await withTaskGroup(of: String.self) { group in
            group.addTask {
                do { try await self.step(plan, path + "s") } catch { return "step \(describe(error))" }
                return "step"
            }
            group.addTask {
                do { try await self.sleep(time, path + "w") } catch { return "timer \(describe(error))" }
                return "timer"
            }
            while let result = await group.next() {
                trace.note(path, result)
                group.cancelAll()
            }
        }
    }

    func enterLedger(_ plans: [StepPlan], _ path: String) async throws {
        try await withThrowingTaskGroup { group in
            for (index, plan) in plans.enumerated() {
                group.addTask { try await self.ledger.step(plan, "\(path)k\(index)", self) }
            }
            try await group.waitForAll()
        }
        trace.note(path, "ledger holds \(await ledger.enter())")
    }

    func stream(_ producers: [[Operation]], _ path: String) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        try await withThrowingTaskGroup { group in
            group.addTask {
                for await element in stream { self.trace.note(path, "read \(element)") }
                self.trace.note(path, "stream ended")
            }
            group.addTask {
                defer { continuation.finish() }
                try await withThrowingTaskGroup { inner in
                    for (index, producer) in producers.enumerated() {
                        inner.addTask {
                            defer { continuation.yield(index) }
                            try await self.run(producer, "\(path)p\(index)")
                        }
                    }
                    try await inner.waitForAll()
                }
            }
            try await group.waitForAll()
        }
    }

    func handled(_ operations: [Operation], _ path: String) async throws {
        try await withTaskCancellationHandler {
            try await run(operations, path)
        } onCancel: { [trace] in
            trace.note(path, "cancel seen")
        }
    }
}
