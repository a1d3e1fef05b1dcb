internal import Perdure

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The bytes of one parameter of a statement, in memory that is used again from batch to batch.
///
/// Its own memory instead of an array: the address holds still while libpq copies from it, so that a statement's parameters need no
/// nesting of closures, and a row costs a few stores.
@safe final class ParameterBuffer {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0
    /// Sent in libpq's text format (then it ends with a zero byte); otherwise in binary.
    let isText: Bool

    init(capacity: Int = 32, isText: Bool = false) {
        unsafe base = .allocate(byteCount: capacity, alignment: 8)
        self.capacity = capacity
        self.isText = isText
    }

    deinit { unsafe base.deallocate() }

    /// Valid until the next append.
    var pointer: UnsafePointer<CChar> { unsafe UnsafePointer(base.assumingMemoryBound(to: CChar.self)) }

    /// Forgets the content, keeps the memory (unless one huge batch made it grow beyond reason).
    func clear() {
        count = 0
        if capacity > 8 << 20 {
            unsafe base.deallocate()
            capacity = 4096
            unsafe base = .allocate(byteCount: capacity, alignment: 8)
        }
    }

    @inline(__always)
    func append(_ value: some FixedWidthInteger) {
        let size = value.bitWidth / 8
        reserve(size)
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: count, as: type(of: value))
        count += size
    }

    /// An element of an array: its length, then itself.
    @inline(__always)
    func append(element value: some FixedWidthInteger) {
        let size = value.bitWidth / 8
        reserve(size + 4)
        unsafe base.storeBytes(of: Int32(size).bigEndian, toByteOffset: count, as: Int32.self)
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: count + 4, as: type(of: value))
        count += size + 4
    }

    @inline(__always)
    func append(bytes: [UInt8], withLength: Bool = false) {
        unsafe bytes.withUnsafeBytes { source in unsafe append(source, withLength: withLength) }
    }

    /// Text, which may not hold a NUL: Postgres refuses it, and by then it would have taken the whole batch with it.
    @inline(__always)
    func append(text: String, withLength: Bool = false) throws(StoreError) {
        var text = text
        let hasNUL = text.withUTF8 { source in
            if let start = source.baseAddress, unsafe memchr(start, 0, source.count) != nil { return true }
            unsafe append(UnsafeRawBufferPointer(source), withLength: withLength)
            return false
        }
        if hasNUL { throw .nul(in: text) }
    }

    /// Writes over four bytes that are there already: the number of elements, once it is known.
    func patch(_ value: Int32, at offset: Int) {
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int32.self)
    }

    private func append(_ source: UnsafeRawBufferPointer, withLength: Bool) {
        if withLength { append(Int32(truncatingIfNeeded: source.count)) }
        reserve(source.count)
        if let start = source.baseAddress { unsafe (base + count).copyMemory(from: start, byteCount: source.count) }
        count += source.count
    }

    @inline(__always)
    private func reserve(_ more: Int) {
        if count + more > capacity { grow(count + more) }
    }

    private func grow(_ needed: Int) {
        let larger = max(needed, capacity * 2)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        unsafe memory.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = memory
        capacity = larger
    }
}

extension StoreError {
    static func nul(in text: String) -> StoreError {
        let shown = text.unicodeScalars.prefix(40).map { $0 == "\0" ? "\\0" : String($0) }.joined()
        return StoreError(
            .rejected, "Postgres cannot keep a NUL character in text, and \"\(shown)\" has one: remove it, or send bytes",
            nativeCode: "22021")
    }
}
