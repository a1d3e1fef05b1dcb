internal import Dispatch
internal import Perdure

/// Runs the bodies of steps in a random order, so that no two first runs are alike.
final class ShufflingExecutor: TaskExecutor {
    static let shared = ShufflingExecutor(threads: 2)

    private let jobs = Lock<[UnownedJob]>([])
    private let wake = DispatchSemaphore(value: 0)

    private init(threads: Int) {
        for index in 0..<threads { startThread(name: "shuffled-\(index)") { self.loop() } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        wake.signal()
    }

    private func loop() {
        while true {
            wake.wait()
            let job = jobs.withLock { jobs -> UnownedJob? in
                guard let index = jobs.indices.randomElement() else { return nil }
                jobs.swapAt(index, jobs.count - 1)
                return jobs.removeLast()
            }
            if let job { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }
}
