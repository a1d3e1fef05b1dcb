// What is wrong with a declaration, said before anything is stored.

extension Queue {
    /// Throws what is wrong, and what to do about it.
    func check() throws(WorkflowError) {
        try Names.check(name, "the name of a queue")
        try limits.check(name)
        if whenFull != .wait {
            guard limits.perKey != nil, slots == .untilEnd else {
                throw wrong(
                    "says what happens when a key is full: it needs `perKey:` and `slots: .untilEnd`, or a key is never full for long")
            }
        }
        if let expiry, expiry < .milliseconds(1) {
            throw wrong("lets its workflows expire after \(expiry): that is before they could begin")
        }
        if let batch {
            guard (1...10_000).contains(batch.size) else { throw wrong("makes batches of \(batch.size) items: 1 to 10,000") }
            guard batch.within > .zero else { throw wrong("makes batches within \(batch.within): that is no time") }
            guard singleton == nil else { throw wrong("makes batches, which cannot be singletons") }
        }
    }

    private func wrong(_ what: String) -> WorkflowError { WorkflowError(.invalidDeclaration, "queue '\(name)' \(what)") }
}

extension QueueLimits {
    func check(_ queue: String) throws(WorkflowError) {
        for (what, limit) in [("concurrency", concurrency), ("perEngine", perEngine), ("perKey", perKey)] {
            if let limit, !(1...1_000_000).contains(limit) {
                throw WorkflowError(
                    .invalidDeclaration,
                    "queue '\(queue)' has a limit of \(limit) for `\(what)`: 1 to 1,000,000, or nil for none; a queue is stopped with `pauseQueue`"
                )
            }
        }
        try rateLimit?.check("the rate limit of queue '\(queue)'")
        try rateLimitPerKey?.check("the rate limit per key of queue '\(queue)'")
        for (key, weight) in weights {
            if !key.isEmpty { try Names.check(key, "a key of queue '\(queue)'") }
            guard weight >= 0.001, weight <= 1_000 else {
                throw WorkflowError(.invalidDeclaration, "queue '\(queue)' gives key '\(key)' the weight \(weight): 0.001 to 1,000")
            }
        }
    }
}
