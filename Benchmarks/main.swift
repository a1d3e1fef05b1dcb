import Foundation

// Prints a table, writes one JSON line for each figure to .build/bench.jsonl, and with --json those lines to standard output instead.

var arguments = Array(CommandLine.arguments.dropFirst())
// The process that `recover_10k` kills.
if arguments.count == 4, arguments[0] == "--victim" {
    try await runVictim(arguments[1], schema: arguments[2], workflows: Int(arguments[3]) ?? 0)
    exit(0)
}
// The process that enqueues for `start_latency`.
if arguments.count == 4, arguments[0] == "--enqueuer" {
    try await runEnqueuer(arguments[1], schema: arguments[2], count: Int(arguments[3]) ?? 0)
    exit(0)
}
let isJSON = arguments.contains("--json")
arguments.removeAll { $0 == "--json" }
var names = Benches.names
if arguments.count == 2, arguments[0] == "--only" {
    names = arguments[1].split(separator: ",").map(String.init)
    arguments = []
}
let unknown = names.filter { !Benches.names.contains($0) }
guard arguments.isEmpty, unknown.isEmpty else {
    let message = unknown.isEmpty ? "usage: bench [--json] [--only NAME,…]" : "no bench is named '\(unknown[0])'"
    FileHandle.standardError.write(Data("\(message)\nbenches: \(Benches.names.joined(separator: ", "))\n".utf8))
    exit(2)
}

let folder = FileManager.default.temporaryDirectory.appending(path: "perdure-bench-\(ProcessInfo.processInfo.processIdentifier)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(at: folder) }

let benches = Benches(postgres: ProcessInfo.processInfo.environment["PERDURE_TEST_POSTGRES"], folder: folder)
var lines = ""
if !isJSON { show(row("bench", "value", "unit", "limit", "ratio", "the limit is")) }
for name in names {
    let figures: [Figure]
    do {
        figures = try await benches.run(name)
    } catch {
        FileHandle.standardError.write(Data("bench \(name) failed: \(error)\n".utf8))
        exit(1)
    }
    for figure in figures {
        let line = String(decoding: try encoder.encode(figure), as: UTF8.self)
        lines += line + "\n"
        show(isJSON ? line : row(figure.bench, "\(figure.value)", figure.unit, "\(figure.limit)", "\(figure.ratio)", figure.note))
    }
}
try lines.write(toFile: ".build/bench.jsonl", atomically: true, encoding: .utf8)

var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
}

/// At once, also into a pipe.
func show(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

func row(_ columns: String...) -> String {
    let widths = [18, 11, 5, 11, 7, 0]
    return zip(columns, widths).map { $0.padding(toLength: max($1, $0.count), withPad: " ", startingAt: 0) }.joined(separator: " ")
}
