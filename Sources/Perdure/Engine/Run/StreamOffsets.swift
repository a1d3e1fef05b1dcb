/// Where the next value of each stream of a workflow goes.
///
/// One engine at a time has the workflow, and its commands commit in order, so it can say where: sent again, an append changes nothing.
final class StreamOffsets: Sendable {
    /// Called with a place, in the order of the places, under the lock: what it hands to the journal stays in that order.
    ///
    /// With nil there is none any more.
    typealias Use = @Sendable (Int64?) -> Void

    private enum State {
        case unknown
        case asked([(stream: String, use: Use)])
        case known([String: Int64])
        case over
    }

    private let state: Lock<State>

    /// - Parameter isFresh: Nothing can have been appended yet.
    init(isFresh: Bool) { state = Lock(isFresh ? .known([:]) : .unknown) }

    /// True if the caller is the one who must find out the ends.
    func next(_ stream: String, _ use: @escaping Use) -> Bool {
        state.withLock { state in
            switch state {
            case .unknown:
                state = .asked([(stream, use)])
                return true
            case .asked(let waiting): state = .asked(waiting + [(stream, use)])
            case .known(let ends): state = .known(Self.give([(stream, use)], ends))
            case .over: use(nil)
            }
            return false
        }
    }

    /// nil: they could not be found out, because the run is over.
    func found(_ ends: [String: Int64]?) {
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

    private static func give(_ waiting: [(stream: String, use: Use)], _ ends: [String: Int64]) -> [String: Int64] {
        waiting.reduce(into: ends) { ends, asked in
            let offset = ends[asked.stream] ?? 0
            ends[asked.stream] = offset + 1
            asked.use(offset)
        }
    }
}

extension Run {
    /// Calls back with the place of a new value, at once where it is known.
    func withNextOffset(of stream: String, _ use: @escaping StreamOffsets.Use) {
        guard streams.next(stream, use) else { return }
        state.withLock { $0.unresolved += 1 }
        _ = Task(executorPreference: host.stepExecutor) { await self.findStreamEnds() }
    }

    private func findStreamEnds() async {
        var (wait, ends): (Duration, [String: Int64]?) = (.milliseconds(5), nil)
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
