#if PERDURE_TSAN
    #if canImport(Glibc)
        internal import Glibc
    #else
        internal import Darwin
    #endif
#else
    internal import Synchronization
#endif

#if PERDURE_TSAN
    /// State that is only touched under a lock.
    ///
    /// A pthread mutex here, because ThreadSanitizer on Linux does not see `Synchronization.Mutex` and reports what it guards as races.
    @safe
    package final class Lock<State>: @unchecked Sendable {
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>
        private var state: State

        package init(_ state: sending State) {
            unsafe mutex = .allocate(capacity: 1)
            unsafe mutex.initialize(to: pthread_mutex_t())
            unsafe pthread_mutex_init(mutex, nil)
            self.state = state
        }

        deinit {
            unsafe pthread_mutex_destroy(mutex)
            unsafe mutex.deallocate()
        }

        package func withLock<Result, Failure: Error>(
            _ body: (inout State) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            unsafe pthread_mutex_lock(mutex)
            defer { unsafe pthread_mutex_unlock(mutex) }
            return try body(&state)
        }
    }
#else
    /// State that is only touched under a lock.
    ///
    /// The state is never a function itself (a structure that has one is fine): it is generic here, so each access would wrap the function
    /// in one more thunk, until a call of it overflows the stack.
    package final class Lock<State>: @unchecked Sendable {
        private let mutex: Mutex<Void> = Mutex(())
        // The mutex is the exclusivity.
        @exclusivity(unchecked) private var state: State

        package init(_ state: sending State) {
            unsafe self.state = state
        }

        @inline(__always)
        package func withLock<Result, Failure: Error>(
            _ body: (inout State) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            try mutex.withLock { _ throws(Failure) in try unsafe body(&state) }
        }
    }
#endif
