import Foundation

/// One line that moves on a terminal; elsewhere a line every few seconds.
struct ProgressBar {
    let total: Int
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private let start = ContinuousClock.now
    private var nextLine = ContinuousClock.now

    init(total: Int) { self.total = total }

    mutating func show(finished: Int, accepted: Int, kills: Int) {
        let now = ContinuousClock.now
        let text = "\(finished) of \(total) orders finished, \(accepted) accepted, \(kills) kills, \((now - start).components.seconds) s"
        if isTerminal {
            write("\r\u{1B}[2K\(bar(finished, accepted)) \(text)")
        } else if now >= nextLine || finished == total {
            nextLine = now + .seconds(5)
            write(text + "\n")
        }
    }

    func end() { if isTerminal { write("\n") } }

    private func bar(_ finished: Int, _ accepted: Int) -> String {
        let width = 30
        let done = width * finished / total
        let open = max(width * accepted / total - done, 0)
        return String(repeating: "█", count: done) + String(repeating: "▒", count: open)
            + String(repeating: "░", count: width - done - open)
    }
}

/// Writes at once, which `print` does not when the output is a pipe.
func write(_ text: String) { try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) }
