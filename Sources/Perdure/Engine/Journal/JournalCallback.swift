/// Calls a closure with what became of a command.
final class JournalCallback: JournalRecipient {
    private let body: @Sendable (Result<CommandResult, StoreError>) -> Void

    init(_ body: @escaping @Sendable (Result<CommandResult, StoreError>) -> Void) { self.body = body }

    func resolved(_ token: Int64, _ result: CommandResult) -> FlowExecutor? {
        body(.success(result))
        return nil
    }

    func failed(_ token: Int64, _ command: Command, _ error: StoreError) -> FlowExecutor? {
        body(.failure(error))
        return nil
    }
}
