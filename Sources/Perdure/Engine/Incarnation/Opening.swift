/// Opens what an executor needs that has just been registered, side by side, while its heart beats.
///
/// A host that says nothing costs seconds for each connection: opened one after another, they would take longer than the lease.
struct Opening: Sendable {
    let id: ExecutorID
    let store: any StoreBackend
    let environment: EngineEnvironment
    let pulse: Pulse
    let heartbeat: Duration
    private let isOpen = Lock(false)
    private let isBeaten = Lock(false)
    private let signals = (heart: Signal(), silence: Signal())

    init(_ id: ExecutorID, _ store: any StoreBackend, _ environment: EngineEnvironment, _ pulse: Pulse, heartbeat: Duration) {
        self.id = id
        self.store = store
        self.environment = environment
        self.pulse = pulse
        self.heartbeat = heartbeat
    }

    private enum Opened: Sendable {
        case writer(Int, any JournalWriter)
        case claimer(any Claimer)
        case failed(StoreError)
        /// The last heartbeat has been answered, or given up.
        case beaten
        /// The connections were cut, or there was no need to.
        case silent(Bool)
    }

    /// All of them, or none: what was opened before one failed is closed again.
    func open() async throws(StoreError) -> ([any JournalWriter], any Claimer) {
        let opened = await withTaskGroup(of: Opened.self) { group in
            group.addTask(executorPreference: environment.loops) { await beats() }
            group.addTask(executorPreference: environment.loops) { await cuts() }
            for index in 0..<store.writers { group.addTask { await writer(index) } }
            group.addTask { await claimer() }
            return await collect(&group)
        }
        return try await sort(opened)
    }

    private func collect(_ group: inout TaskGroup<Opened>) async -> [Opened] {
        var opened: [Opened] = []
        var left = store.writers + 1
        while let next = await group.next() {
            opened.append(next)
            switch next {
            case .writer, .claimer, .failed: left -= 1
            case .beaten:
                isBeaten.withLock { $0 = true }
                signals.silence.raise()
            case .silent: break
            }
            if left == 0, !isOpen.withLock({ $0 }) {
                isOpen.withLock { $0 = true }
                signals.heart.raise()
            }
        }
        return opened
    }

    private func sort(_ opened: [Opened]) async throws(StoreError) -> ([any JournalWriter], any Claimer) {
        var writers: [Int: any JournalWriter] = [:]
        var claimer: (any Claimer)?
        var failure: StoreError?
        for one in opened {
            switch one {
            case .writer(let index, let writer): writers[index] = writer
            case .claimer(let opened): claimer = opened
            case .failed(let error): failure = failure ?? error
            case .silent(true): failure = failure ?? StoreError(.unavailable, "for a whole lease the database has answered no heartbeat")
            case .silent(false), .beaten: break
            }
        }
        if failure == nil, let claimer { return (writers.sorted { $0.key < $1.key }.map(\.value), claimer) }
        for writer in writers.values { await writer.close() }
        await claimer?.close()
        throw failure ?? StoreError(.unavailable, "not all connections could be opened")
    }

    private func writer(_ index: Int) async -> Opened {
        do throws(StoreError) {
            return .writer(index, try await store.writer(index, for: id))
        } catch {
            return .failed(error)
        }
    }

    private func claimer() async -> Opened {
        do throws(StoreError) {
            return .claimer(try await store.claimer(for: id))
        } catch {
            return .failed(error)
        }
    }

    private func beats() async -> Opened {
        while !isOpen.withLock({ $0 }) {
            await signals.heart.wait(until: environment.clock.instant() + heartbeat, clock: environment.clock)
            if !isOpen.withLock({ $0 }) { _ = try? await pulse.beat() }
        }
        return .beaten
    }

    private func cuts() async -> Opened {
        let isBeaten = self.isBeaten
        let isSilent = await pulse.stops(orAfter: signals.silence) { isBeaten.withLock { $0 } }
        if isSilent { store.cut() }
        return .silent(isSilent)
    }
}
