public import FoundationEssentials

/// A random generator that gives the same numbers on each replay.
public struct WorkflowRandomNumberGenerator: RandomNumberGenerator, Sendable {
    private var state: SplitMix64

    init(seed: UInt64) { state = SplitMix64(seed: seed) }

    /// The next number.
    public mutating func next() -> UInt64 { state.next() }
}

extension WorkflowContext {
    /// The time of the last completion that this workflow has seen, else of its start: the same on each replay.
    ///
    /// By the clock of the engine that recorded it; it never goes back within a workflow.
    public var now: Date {
        Date(timeIntervalSince1970: Double(run.state.withLock { $0.now }) / 1_000_000)
    }

    /// A random UUID (version 8) that is the same on each replay.
    ///
    /// Not for secrets.
    public func uuid() -> UUID {
        let (high, low) = (draw(), draw())
        func byte(_ value: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> (56 - 8 * index)) }
        return UUID(
            uuid: (
                byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5),
                byte(high, 6) & 0x0F | 0x80, byte(high, 7), byte(low, 0) & 0x3F | 0x80, byte(low, 1), byte(low, 2), byte(low, 3),
                byte(low, 4), byte(low, 5), byte(low, 6), byte(low, 7)
            ))
    }

    /// A seeded generator, another one with each call: `var random = context.randomNumberGenerator()`.
    ///
    /// Not for secrets.
    public func randomNumberGenerator() -> WorkflowRandomNumberGenerator {
        WorkflowRandomNumberGenerator(seed: draw())
    }
}

/// SplitMix64 (Steele, Lea and Flood): small, fast, and every seed is good.
struct SplitMix64: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func skip(_ count: UInt64) { state &+= count &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
