internal import Perdure

/// What a check has counted.
struct CheckSummary: Encodable {
    /// A place in the code of a type at which histories part from it.
    struct Place: Hashable {
        var workflow: String
        var step: String
    }

    private(set) var checked = 0
    /// By the name of the verdict.
    private(set) var verdicts: [String: Int] = [:]
    private(set) var places: [Place: Int] = [:]
    private(set) var unknownTypes: [String: Int] = [:]
    /// Set aside before, and this build does not cure them; in no other count but that of what was checked.
    private(set) var setAside = 0
    /// Workflows that are for other builds, by version.
    private(set) var otherVersions: [String: Int] = [:]
    /// Too many did not end.
    var isCutOff = false

    var consistent: Int { verdicts[ReplayVerdict.consistent.name] ?? 0 }
    var unknown: Int { verdicts[ReplayVerdict.unknownType.name] ?? 0 }
    var stuck: Int { verdicts[ReplayVerdict.tookTooLong.name] ?? 0 }
    /// Those that an engine of this build would set aside.
    var refused: Int { checked - consistent - unknown - stuck - setAside }

    mutating func add(_ report: ReplayReport) {
        checked += 1
        if report.isOldTrouble {
            setAside += 1
            return
        }
        verdicts[report.verdict.name, default: 0] += 1
        switch report.verdict {
        case .diverged(let divergence):
            let step = "'\(Self.base(divergence.step))' (\(divergence.recorded.kind))"
            places[Place(workflow: report.workflow, step: step), default: 0] += 1
        case .unknownType: unknownTypes[report.workflow, default: 0] += 1
        default: break
        }
    }

    mutating func skip(_ version: String) { otherVersions[version, default: 0] += 1 }

    /// The exit status.
    func status(isStrict: Bool) -> Int32 {
        if refused > 0 || (isStrict && unknown > 0) { return 1 }
        return stuck > 0 || isCutOff ? 2 : 0
    }

    /// A step's name, without its occurrence and its id, of which there may be any number.
    static func base(_ key: String) -> String {
        var isEscaped = false
        let end = key.firstIndex { character in
            defer { isEscaped = !isEscaped && character == "\\" }
            return !isEscaped && (character == "#" || character == "[")
        }
        guard let end, end != key.startIndex else { return key }
        return String(key[..<end])
    }

    private enum Key: String, CodingKey {
        case checked, verdicts, diverged, unknownTypes, otherVersions, setAside, isCutOff
    }

    private struct Diverged: Encodable {
        var workflow: String
        var step: String
        var count: Int
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(checked, forKey: .checked)
        try container.encode(verdicts, forKey: .verdicts)
        try container.encode(sortedPlaces.map { Diverged(workflow: $0.workflow, step: $0.step, count: $1) }, forKey: .diverged)
        try container.encode(unknownTypes, forKey: .unknownTypes)
        try container.encode(otherVersions, forKey: .otherVersions)
        try container.encode(setAside, forKey: .setAside)
        try container.encode(isCutOff, forKey: .isCutOff)
    }

    /// The most frequent first.
    var sortedPlaces: [(Place, Int)] {
        places.sorted {
            $0.value != $1.value ? $0.value > $1.value : ($0.key.workflow, $0.key.step) < ($1.key.workflow, $1.key.step)
        }.map { ($0.key, $0.value) }
    }
}

extension ReplayReport {
    /// What this build does not make worse.
    var isOldTrouble: Bool { wasSetAside && !verdict.isConsistent && verdict != .unknownType && verdict != .tookTooLong }
}
