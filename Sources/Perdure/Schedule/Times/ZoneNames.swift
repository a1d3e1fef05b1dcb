// The only file that needs all of Foundation: without its ICU there is no time zone but UTC on Linux.
internal import Foundation

/// Time zones by their IANA names.
enum ZoneNames {
    private static let tables = Lock<[String: ZoneTable]>([:])

    /// The table of a zone, one for the process; nil if there is no such zone.
    static func table(_ name: String) -> ZoneTable? {
        if let known = tables.withLock({ $0[name] }) { return known }
        guard !isOwnInvention(name), let zone = TimeZone(identifier: name) else { return nil }
        return tables.withLock { tables in
            if let known = tables[name] { return known }
            let table = ZoneTable { zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double($0))) }
            tables[name] = table
            return table
        }
    }

    /// Foundation also takes `GMT+0230` and the like, which no other reader of the IANA database does.
    private static func isOwnInvention(_ name: String) -> Bool {
        guard name.hasPrefix("GMT") || name.hasPrefix("UTC"), name.utf8.count > 3 else { return false }
        return name != "GMT0" && name != "GMT+0" && name != "GMT-0"
    }

    /// The name that was meant, if one is near.
    static func closest(to name: String) -> String? {
        let wanted = normalised(name)
        guard !wanted.isEmpty, wanted.count <= 64 else { return nil }
        if let full = TimeZone.abbreviationDictionary[name.uppercased()], table(full) != nil { return full }
        var best: (name: String, distance: Int)?
        for known in ["UTC"] + TimeZone.knownTimeZoneIdentifiers {
            let whole = normalised(known)
            var found = distance(wanted, whole)
            // A city alone is as good as its full name.
            if let slash = whole.lastIndex(of: UInt8(ascii: "/")) {
                found = min(found, distance(wanted, Array(whole[(slash + 1)...])))
            }
            if found < best?.distance ?? .max { best = (known, found) }
        }
        guard let best, best.distance <= wanted.count / 3 else { return nil }
        return best.name
    }

    private static func normalised(_ name: String) -> [UInt8] {
        name.lowercased().utf8.map { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    /// How many letters must be put in, taken out or replaced (Levenshtein).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = diagonal + (letter == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
