extension Duration {
    /// Whole microseconds; as many as fit.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, tooMuch) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return tooMuch ? .max : sum
    }

    /// For people: "3 s", "250 ms".
    var readable: String {
        let micros = microseconds
        if micros % 1_000_000 == 0 { return "\(micros / 1_000_000) s" }
        return micros % 1000 == 0 ? "\(micros / 1000) ms" : "\(micros) µs"
    }
}
