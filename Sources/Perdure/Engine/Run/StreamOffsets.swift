/// Where the next value of each stream of a workflow goes.
///
/// One engine at a time has the workflow, and its commands commit in order, so it can say where: sent again, an append changes nothing.
final class StreamOffsets: Sendable {
    /// Where a value may go.
    enum Place: Sendable {
        case at(Int64)
        /// Nowhere: the stream was closed, and nobody reads on behind that.
        case closed
    }

    /// Called with a place, in the order of the places, under the lock: what it hands to the journal stays in that order.
    ///
    /// With nil there is none any more.
    typealias Use = @Sendable (Place?) -> Void

    private struct Asked {
        var stream: String
        /// What goes there is its end.
        var closes: Bool
        var use: Use
    }

    private enum State {
        case unknown
        case asked([Asked])
        case known([String: StreamEnd])
        case over
    }

    private let state: Lock<State>

    /// - Parameter isFresh: Nothing can have been appended yet.
    init(isFresh: Bool) { state = Lock(isFresh ? .known([:]) : .unknown) }

    /// True if the caller is the one who must find out the ends.
    func next(_ stream: String, closes: Bool, _ use: @escaping Use) -> Bool {
        let asked = Asked(stream: stream, closes: closes, use: use)
        return state.withLock { state in
            switch state {
            case .unknown:
                state = .asked([asked])
                return true
            case .asked(let waiting): state = .asked(waiting + [asked])
            case .known(let ends): state = .known(Self.give([asked], ends))
            case .over: use(nil)
            }
            return false
        }
    }

    /// nil: they could not be found out, because the run is over.
    func found(_ ends: [String: StreamEnd]?) {
        state.withLock { state in
            guard case .asked(let waiting) = state else { return }
            guard let ends else {
                state = .over
                for asked in waiting { asked.use(nil) }
                return
            }
            state = .known(Self.give(waiting, ends))
        }
    }

    private static func give(_ waiting: [Asked], _ ends: [String: StreamEnd]) -> [String: StreamEnd] {
        waiting.reduce(into: ends) { ends, asked in
            let end = ends[asked.stream] ?? StreamEnd()
            if end.isClosed { return asked.use(.closed) }
            ends[asked.stream] = StreamEnd(next: end.next + 1, isClosed: asked.closes)
            asked.use(.at(end.next))
        }
    }
}

extension Run {
    /// Calls back with the place of a new value, at once where it is known.
    func withNextOffset(of stream: String, closes: Bool = false, _ use: @escaping StreamOffsets.Use) {
        guard streams.next(stream, closes: closes, use) else { return }
        state.withLock { $0.unresolved += 1 }
        _ = Task(executorPreference: host.stepExecutor) { await self.findStreamEnds() }
    }

    private func findStreamEnds() async {
        var (wait, ends): (Duration, [String: StreamEnd]?) = (.milliseconds(5), nil)
        while ends == nil, state.withLock({ $0.stop == nil }) {
            do throws(StoreError) {
                ends = try await host.streamEnds(of: number)
            } catch {
                if error.code == .fenced { break }
                await host.clock.wait(wait)
                wait = min(wait * 2, .seconds(1))
            }
        }
        streams.found(ends)
        state.withLock { $0.unresolved -= 1 }
        poke()
    }
}

extension WorkflowError {
    static func streamClosed(_ stream: String) -> WorkflowError {
        WorkflowError(
            .streamClosed,
            "the stream '\(stream)' was closed, by this run or one that it continues, and nobody reads what is appended behind that")
    }
}
