/// The JSON of an export: a documented, stable format; see <doc:SafeDeployments>.
///
/// Keys may be added. Whoever reads it refuses a higher `format`.
struct ExportedHistory: Codable {
    static let format = 1

    var format: Int
    var workflow: Workflow
    var steps: [Step]
    var pending: [Pending]?
    var inbox: [Item]?
    var outcome: End?
    /// Why it is set aside.
    var aside: String?

    struct Workflow: Codable {
        /// The internal number, as the public id that stands for it.
        var run: String
        var id: String?
        var name: String
        var version: String?
        var queue: String?
        var key: String?
        var priority: Int16?
        var input: ExportedPayload
        var parent: Parent?
        var attributes: ExportedPayload?
        var created: Microseconds
        var due: Microseconds?
        var deadline: Microseconds?
        var expires: Microseconds?
        /// Of a run that came of another one: what a replay must know of that.
        var origin: RunOrigin?
    }

    struct Parent: Codable {
        var run: String
        var key: String
        var onClose: String
    }

    struct Step: Codable {
        var place: Int64?
        var key: String
        var kind: String
        var started: Microseconds
        var finished: Microseconds
        var attempts: Int32?
        var output: ExportedPayload?
        var error: ExportedPayload?
    }

    struct Pending: Codable {
        var key: String
        var attempts: Int32
        var started: Microseconds
        var due: Microseconds?
        var error: ExportedPayload?
        var progress: ExportedPayload?
        var heldBy: Int64?
    }

    struct Item: Codable {
        var sequence: Int64
        var kind: String
        var reference: String?
        var payload: ExportedPayload?
        var topic: String?
        var messageKey: String?
    }

    struct End: Codable {
        var state: String
        var finished: Microseconds
        var output: ExportedPayload?
        var error: ExportedPayload?
    }
}
