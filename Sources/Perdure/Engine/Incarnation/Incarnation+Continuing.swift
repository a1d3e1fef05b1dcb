// Runs that go on as new ones.

extension Incarnation {
    /// Writes the end of a run and the beginning of the one as which it goes on, which is this engine's, too.
    func goOn(_ run: Run, _ outcome: Outcome, closing: [InboxItem]) {
        // Whoever goes through workflows in the order of their numbers meets the new run after the earlier one.
        guard let number = numbers.atHand(), number > run.number else {
            return errand { [weak self] in await self?.goOnLater(run, outcome, closing: closing) }
        }
        goOn(run, as: number, outcome, closing: closing)
    }

    private func goOnLater(_ run: Run, _ outcome: Outcome, closing: [InboxItem]) async {
        do throws(StoreError) {
            goOn(run, as: try await numbers.next(after: run.number), outcome, closing: closing)
        } catch {
            if isStopped { return }
            report(error, "there is no number for a run that goes on as a new one, and it is asked for again")
            clock.schedule(after: .milliseconds(100)) { [weak self] in
                self?.errand { [weak self] in await self?.goOnLater(run, outcome, closing: closing) }
            }
        }
    }

    private func goOn(_ run: Run, as number: WorkflowNumber, _ outcome: Outcome, closing: [InboxItem]) {
        let continuation = run.continuation(as: number, outcome, closing: closing)
        let callback = JournalCallback { [weak self] result in
            switch result {
            case .success: self?.wentOn(run, continuation)
            case .failure(let error): self?.refused(run, outcome, error, closing)
            }
        }
        journal.append(.continueAsNew(continuation), for: callback)
    }

    /// It is in the database.
    private func wentOn(_ run: Run, _ continuation: Continuation) {
        // First the new run: the place in the queue is never free.
        adopt(continuation.record(after: run.record))
        leave(run)
        left(run.number)
        run.close(keepingDelegate: run.state.withLock { $0.stop != nil })
        tally.count { $0.continued += 1 }
        endings.continued(run.number, as: continuation.number)
        let tellsInbox = !continuation.closing.isEmpty
        if tellsInbox { look { $0.inbox = true } }
        tellOthers { outgoing in
            outgoing.ended.append(run.number)
            outgoing.inbox = outgoing.inbox || tellsInbox
        }
        // Whoever comes next has it.
        if isEnding { return release(continuation.number) }
        errand { [weak self] in await self?.bring(continuation.number) }
    }

    private func bring(_ number: WorkflowNumber) async {
        do throws(StoreError) {
            try await launch([Claimed(number: number)])
        } catch {
            report(error, "a run that goes on as a new one could not be read, and is read again")
            look { $0.sweep = true }
        }
    }
}
