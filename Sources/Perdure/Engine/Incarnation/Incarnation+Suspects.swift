// Workflows whose engines have died, again and again; see `CrashRules`.

extension Incarnation {
    /// Begins with the next suspects, unless there are some that are watched still.
    func claimSuspects(_ now: Microseconds) async throws(StoreError) {
        while !isEnding {
            let (end, room, last) = residency.withLock { ($0.probationEnd(now), $0.room, $0.lastWatched) }
            if let end { return todo.withLock { $0.nextSuspect = end } }
            // What becomes a suspect meanwhile is announced.
            todo.withLock { $0.nextSuspect = .max }
            guard room > 0, let next = try await claimer.nextSuspect(repertoire) else { return }
            guard next.due <= now else { return todo.withLock { $0.nextSuspect = next.due } }
            let (group, pause) = (settings.crashes.group(after: next.crashes), settings.crashes.pause(after: next.crashes))
            let claimed = try await claimer.claimSuspects(
                repertoire, crashes: next.crashes, now: now, limit: min(group, room), probation: pause, acquitted: last)
            // Another engine has begun with them.
            if claimed.isEmpty { return }
            log(.info, "\(claimed.count) workflows that were there when \(next.crashes) engines in a row died are tried again")
            residency.withLock { $0.watch(claimed.map(\.number), until: now.adding(pause)) }
            try await launch(claimed)
        }
    }

    /// Those that had to wait for a slot: begun, they are watched as the others are.
    func watchSuspects(_ claimed: [Claimed]) {
        let suspects = claimed.filter { $0.crashes >= CrashRules.suspicion }
        guard let worst = suspects.map(\.crashes).max() else { return }
        let end = clock.now().adding(settings.crashes.pause(after: worst))
        residency.withLock { $0.watchToo(suspects.map(\.number), until: end) }
    }
}
