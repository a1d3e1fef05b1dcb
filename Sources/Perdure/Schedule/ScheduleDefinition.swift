internal import Foundation

/// What a schedule does, and how: the JSON that is stored, without the input.
///
/// What is not there is the default, so that the text is short and any language can write it. Durations are in microseconds.
package struct ScheduleDefinition: Sendable, Hashable, Codable {
    package var spec: ScheduleSpec
    package var workflow: String
    package var version: String?
    package var queue: String?
    package var key: String?
    package var priority: Int?
    package var expiry: Int64?
    package var overlap: ScheduleOverlapPolicy
    package var catchUp: Int64
    package var pauseOnFailure: Bool?
    package var runs: Int?
    package var timeout: Int64?
    package var attributes: [String: SearchAttribute]?

    package init(_ schedule: Schedule) {
        (spec, workflow, queue, runs) = (schedule.spec, schedule.workflow, schedule.queue, schedule.runs)
        version = schedule.version.isEmpty ? nil : schedule.version
        key = schedule.key.isEmpty ? nil : schedule.key
        priority = schedule.priority == 0 ? nil : schedule.priority
        expiry = schedule.expiry?.wholeMicroseconds
        overlap = schedule.overlap
        catchUp = schedule.catchUp.wholeMicroseconds
        pauseOnFailure = schedule.pauseOnFailure ? true : nil
        timeout = schedule.timeout?.wholeMicroseconds
        attributes = schedule.attributes.isEmpty ? nil : schedule.attributes
    }

    package init?(text: String) {
        guard let definition = try? JSONDecoder().decode(ScheduleDefinition.self, from: Data(text.utf8)) else { return nil }
        self = definition
    }

    /// As it is stored; one definition is always the same text.
    package var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    package var lane: Lane {
        Lane(queue: queue ?? "", key: key ?? "", priority: Int16(clamping: priority ?? 0), workflow: workflow, version: version ?? "")
    }
}

extension Schedule {
    /// Checked, with its input encoded.
    package func stored(_ coder: PayloadCoder) throws(WorkflowError) -> StoredSchedule {
        try check()
        let definition = ScheduleDefinition(self)
        // Only a number that is not finite is no JSON, and no date of a valid specification is one.
        guard !definition.text.isEmpty else { throw WorkflowError(.unencodable, "schedule '\(name)' cannot be stored as JSON") }
        switch input {
        case .encoded(let payload): return StoredSchedule(name: name, definition: definition, input: payload)
        case .value(let encode): return StoredSchedule(name: name, definition: definition, input: try encode(coder))
        }
    }
}

/// A schedule as it is to be stored.
package struct StoredSchedule: Sendable {
    package var name: String
    package var definition: ScheduleDefinition
    package var input: EncodedPayload

    package init(name: String, definition: ScheduleDefinition, input: EncodedPayload) {
        (self.name, self.definition, self.input) = (name, definition, input)
    }

    /// Tells whether a declaration in code has changed: the definition, and a digest (FNV-1a) of the input.
    package var mark: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in input.bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return "\(definition.text) \(input.codec):\(input.bytes.count):\(String(hash, radix: 16))"
    }
}
