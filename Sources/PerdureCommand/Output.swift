internal import Foundation

/// Where a command writes.
package struct Output: Sendable {
    private let out: @Sendable (String) -> Void
    private let errors: @Sendable (String) -> Void

    package init(_ out: @escaping @Sendable (String) -> Void, errors: @escaping @Sendable (String) -> Void) {
        self.out = out
        self.errors = errors
    }

    /// Standard output and standard error.
    static let standard = Output {
        try? FileHandle.standardOutput.write(contentsOf: Data($0.utf8))
    } errors: {
        try? FileHandle.standardError.write(contentsOf: Data($0.utf8))
    }

    func write(_ text: String) { out(text) }

    func complain(_ text: String) {
        let name = CommandLine.arguments.first.map { URL(filePath: $0).lastPathComponent } ?? "perdure"
        errors("\(name): \(text)\n")
    }
}
