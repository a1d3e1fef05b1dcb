import Foundation
import Perdure
import PerdurePostgres

/// Five steps, and a sixth that never ends in the process that is to die.
private struct Interrupted: Workflow {
    static let name = "Interrupted"
    let isVictim: Bool
    let passed: @Sendable () -> Void

    func run(_ number: Int, in context: WorkflowContext) async throws {
        for index in 1...5 { _ = try await context.step("step", id: index) { number + index } }
        if isVictim { passed() }
        _ = try await context.step("next") {
            if isVictim { try await Task.sleep(for: .seconds(86_400)) }
            return number
        }
        if !isVictim { passed() }
        try await context.sleep(for: .days(1))
    }
}

/// The process that is killed: starts its workflows, says so when all have done five steps, and waits.
func runVictim(_ url: String, schema: String, workflows count: Int) async throws {
    let (done, signal) = AsyncStream.makeStream(of: Void.self)
    let passed = Lock(0)
    let engine = try await Engine(store: .postgres(url, schema: schema), configuration: recoveryConfiguration) {
        Interrupted(isVictim: true) {
            if passed.withLock({
                $0 += 1; return $0
            }) == count {
                signal.finish()
            }
        }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await engine.run() }
        for lane in 0..<100 {
            group.addTask {
                for number in stride(from: lane, to: count, by: 100) { try await engine.start(Interrupted.self, number) }
            }
        }
        for await _ in done {}
        FileHandle.standardOutput.write(Data("ready\n".utf8))
        try await group.waitForAll()
    }
}

/// Only the lease counts: that others see the process go would be faster, but is not what is measured.
private var recoveryConfiguration: EngineConfiguration {
    var configuration = EngineConfiguration()
    configuration.silence = nil
    return configuration
}

/// Seconds from the end of the lease of a killed process until another has taken over all its workflows, and each has made its next step.
func secondsToRecover(_ url: String, schema: String, workflows count: Int, _ yardsticks: Yardsticks) async throws -> Double {
    let victim = Process()
    let output = Pipe()
    victim.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    victim.arguments = ["--victim", url, schema, "\(count)"]
    victim.standardOutput = output
    try victim.run()
    defer { kill(victim.processIdentifier, SIGKILL) }
    var said = Data()
    while !said.contains(10) { said += output.fileHandleForReading.availableData }

    let (recovered, signal) = AsyncStream.makeStream(of: Double.self)
    let passed = Lock(0)
    let engine = try await Engine(store: .postgres(url, schema: schema), configuration: recoveryConfiguration) {
        Interrupted(isVictim: false) {
            guard
                passed.withLock({
                    $0 += 1; return $0
                }) == count
            else { return }
            signal.yield(Date().timeIntervalSince1970)
            signal.finish()
        }
    }
    let elapsed = try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await engine.run() }
        // Who has not lived for a whole lease takes nothing from others.
        try await Task.sleep(for: .seconds(13))
        kill(victim.processIdentifier, SIGKILL)
        let lease = try yardsticks.psql("SELECT min(lease_until) FROM \(schema).executors")
        var moment = 0.0
        for await last in recovered { moment = last }
        group.cancelAll()
        try await group.waitForAll()
        return moment - (Double(lease) ?? 0) / 1e6
    }
    await engine.close()
    return elapsed
}
