internal import Perdure

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The parallel arrays in which libpq takes the parameters of a statement.
@safe struct Arguments {
    private let buffers: [ParameterBuffer?]
    private var values: [UnsafePointer<CChar>?] = unsafe []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    init(_ buffers: [ParameterBuffer?]) {
        self.buffers = buffers
        unsafe values.reserveCapacity(buffers.count)
        lengths.reserveCapacity(buffers.count)
        formats.reserveCapacity(buffers.count)
        for buffer in buffers {
            unsafe values.append(buffer?.pointer)
            lengths.append(Int32(truncatingIfNeeded: buffer?.count ?? 0))
            formats.append(buffer?.isText == true ? 0 : 1)
        }
    }

    /// The buffers are kept alive while `body` runs.
    func use<Result>(
        _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int32>, UnsafePointer<Int32>) -> Result
    ) -> Result {
        withExtendedLifetime(buffers) {
            unsafe values.withUnsafeBufferPointer { values in
                unsafe lengths.withUnsafeBufferPointer { lengths in
                    unsafe formats.withUnsafeBufferPointer { formats in
                        unsafe body(Int32(buffers.count), values.baseAddress!, lengths.baseAddress!, formats.baseAddress!)
                    }
                }
            }
        }
    }
}

/// An array of C strings that ends with NULL, for as long as `body` runs.
func withCStrings<Result>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result) -> Result {
    var copies: [UnsafePointer<CChar>?] = unsafe strings.map { unsafe UnsafePointer(strdup($0)) }
    unsafe copies.append(nil)
    defer {
        for index in unsafe copies.indices { unsafe free(UnsafeMutablePointer(mutating: copies[index])) }
    }
    return unsafe copies.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
}
