internal import Foundation
public import Perdure

/// The command line of an application that runs workflows: its worker, and the check that belongs before each deployment of it.
///
/// ```swift
/// await PerdureCommand.main(store: .postgres(url)) {
///     Checkout(payments: .live)
///     Ship(carrier: .live)
/// }
/// ```
///
/// | | |
/// |---|---|
/// | `shop run` | runs the workflows until SIGTERM or SIGINT; what it does without arguments |
/// | `shop check-deploy` | replays every open workflow against this build, and fails if one would not go on |
/// | `shop replay ID` | replays one, and shows its history |
///
/// It is given what an engine is made of, and not an engine: making that opens the store, which creates and migrates tables. What only looks must
/// do neither, and a check of histories in a file has no store at all.
public enum PerdureCommand {
    /// Does what the command line says, and ends the process: with 0; with 1 if a workflow would not go on, or the database says no; with 2 if
    /// nothing could be checked, or the command line was not understood.
    ///
    /// - Parameters:
    ///   - store: Where the workflows are kept.
    ///   - configuration: How the engine behaves.
    ///   - workflows: As in `Engine.init(store:configuration:workflows:)`.
    public static func main(
        store: Store, configuration: EngineConfiguration = EngineConfiguration(), @DeclarationBuilder workflows: () -> [Declaration]
    ) async -> Never {
        let status = await run(
            Array(CommandLine.arguments.dropFirst()), store: store, configuration: configuration, output: .standard,
            workflows: workflows)
        exit(status)
    }

    /// The same without the end of the process; returns its status.
    package static func run(
        _ arguments: [String], store: Store, configuration: EngineConfiguration, output: Output,
        @DeclarationBuilder workflows: () -> [Declaration]
    ) async -> Int32 {
        do {
            let application = Application(store: store, configuration: configuration, declarations: workflows(), output: output)
            switch try CommandRequest(arguments, now: Date()) {
            case .help:
                output.write(CommandRequest.usage)
                return 0
            case .run: return await application.run()
            case .check(let options): return await application.check(options)
            case .replay(let options): return await application.replay(options)
            }
        } catch {
            output.complain("\(error.message)\n\n\(CommandRequest.usage)")
            return 2
        }
    }
}

/// What the commands work with.
struct Application {
    let store: Store
    let configuration: EngineConfiguration
    let declarations: [Declaration]
    let output: Output

    func run() async -> Int32 {
        do {
            let workflows = { declarations }
            let engine = try await Engine(store: store, configuration: configuration, workflows: workflows)
            do {
                try await engine.run(gracefulShutdownSignals: [.sigterm, .sigint])
            } catch {
                await engine.close()
                throw error
            }
            await engine.close()
            return 0
        } catch {
            output.complain("\(error)")
            return 1
        }
    }

    /// A client that writes nothing.
    func client() async throws -> Client { try await Client(reading: store, configuration: configuration) }
}
