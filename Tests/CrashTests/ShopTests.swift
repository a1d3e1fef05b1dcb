internal import Foundation
internal import Testing

/// The demo, in short: it counts for itself, and ends with 1 if a number is wrong.
@Suite(.timeLimit(.minutes(3)))
struct ShopTests {
    @Test(arguments: Place.available, [1, 2])
    func `a shop whose workers are killed loses nothing and charges nobody twice`(_ place: Place, workers: Int) async throws {
        let scene = try await place.make()
        let kills = 5
        let shop = try Program(
            "Shop",
            [
                "--folder", scene.folder.path(), "--database", scene.database, "--orders", "60", "--kills", "\(kills)",
                "--workers", "\(workers)",
            ], in: scene.folder)
        try await shop.waitForExit()
        let output = shop.output
        #expect(shop.status == 0, Comment(rawValue: output))
        #expect(count("finished", in: output) == 60)
        #expect(count("lost", in: output) == 0)
        #expect(count("charged twice", in: output) == 0)
        #expect(count("payment rows", in: output) == 60)
        #expect(count("kills survived", in: output) == kills)
        try await scene.clear()
    }

    /// The number in a line of the ledger.
    private func count(_ what: String, in output: String) -> Int? {
        for line in output.split(separator: "\n") where line.hasPrefix("  \(what)  ") {
            return line.dropFirst(what.count + 2).split(separator: " ").first.flatMap { Int($0) }
        }
        return nil
    }
}
