public import FoundationEssentials

/// The value of an attribute that workflows are searched by; as Temporal's search attributes.
///
/// ```swift
/// try await client.start(Checkout.self, order, options: StartOptions(attributes: ["customer": "acme", "amount": 12, "tags": ["new", "eu"]]))
/// ```
///
/// Attributes are stored as JSON, where a moment is text: text that is a moment in ISO 8601 with a `Z` is read as one.
public enum SearchAttribute: Sendable, Hashable {
    /// Text, at most 2 KiB: Temporal's Keyword.
    case text(String)
    /// A whole number: Temporal's Int.
    case int(Int64)
    /// A number that is finite: Temporal's Double.
    case number(Double)
    /// A truth value: Temporal's Bool.
    case bool(Bool)
    /// A moment, to the microsecond: Temporal's Datetime.
    case date(Date)
    /// Texts, at most 64; a search finds it by each of them: Temporal's KeywordList.
    ///
    /// An empty list is as no attribute.
    case list([String])
}

extension SearchAttribute: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral
{
    /// Text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .int(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Texts.
    public init(arrayLiteral elements: String...) { self = .list(elements) }
}

/// As JSON has it: text, a number, a truth value or a list of texts.
extension SearchAttribute: Codable {
    /// Decodes what JSON has.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode([String].self) {
            self = .list(value)
        } else {
            self = SearchAttribute(stored: try container.decode(String.self))
        }
    }

    /// Encodes it as JSON has it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .bool(let value): try container.encode(value)
        case .date(let value): try container.encode(MomentText.text(value) ?? "")
        case .list(let value): try container.encode(value)
        }
    }

    /// The text of it, if it is stored as one.
    var storedText: String? {
        switch self {
        case .text(let text): text
        case .date(let date): MomentText.text(date)
        case .int, .number, .bool, .list: nil
        }
    }

    /// Of text as it is stored.
    init(stored text: String) {
        self = MomentText.microseconds(text).map { .date(MomentText.date($0)) } ?? .text(text)
    }
}
