/// A task that waits to be resumed, exactly once.
///
/// A continuation without the runtime's checks (a waiting workflow is one of thousands), made safe to store.
@safe
package struct Parked<Value: Sendable>: Sendable {
    private let continuation: UnsafeContinuation<Value, Never>

    fileprivate init(_ continuation: UnsafeContinuation<Value, Never>) {
        unsafe self.continuation = continuation
    }

    package func resume(returning value: Value) {
        unsafe continuation.resume(returning: value)
    }
}

extension Parked where Value == Void {
    package func resume() { resume(returning: ()) }
}

/// Suspends the current task; `body` runs at once and must see to it that the task is resumed.
package func park<Value: Sendable>(_ type: Value.Type = Value.self, _ body: (Parked<Value>) -> Void) async -> Value {
    unsafe await withUnsafeContinuation { unsafe body(Parked($0)) }
}
