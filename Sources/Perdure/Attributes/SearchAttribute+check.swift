extension SearchAttribute {
    /// How many a workflow has at most, and how many texts a list.
    package static let countLimit = 64
    /// How long text is at most: what is longer fits into no index.
    package static let textLimit = 2048
    /// What the library's own begin with.
    static let reservedPrefix = "perdure."

    /// What a workflow is started with, checked, as it is stored; nil if it is nothing.
    ///
    /// Always JSON, whatever the engine's codec is: so they can be shown and searched.
    static func stored(_ attributes: [String: SearchAttribute]) throws(WorkflowError) -> EncodedPayload? {
        if attributes.isEmpty { return nil }
        try check(attributes)
        return encoded(attributes)
    }

    package static func encoded(_ attributes: [String: SearchAttribute]) -> EncodedPayload {
        EncodedPayload(codec: 1, bytes: Array(AttributeJSON.write(attributes).utf8))
    }

    static func check(_ attributes: [String: SearchAttribute]) throws(WorkflowError) {
        guard attributes.count <= countLimit else {
            throw WorkflowError(
                .invalidAttribute,
                "a workflow has at most \(countLimit) attributes, and these are \(attributes.count): put the rest into its input")
        }
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            if name.hasPrefix(reservedPrefix) { throw reserved(name) }
            if let fault = fault(of: name, value) { throw fault }
        }
    }

    static func reserved(_ name: String) -> WorkflowError {
        WorkflowError(.invalidAttribute, "attribute '\(name)': what begins with 'perdure.' is the library's own")
    }

    /// What is wrong with one attribute.
    static func fault(of name: String, _ value: SearchAttribute) -> WorkflowError? {
        do throws(WorkflowError) {
            try Names.check(name, "the name of an attribute")
            switch value {
            case .text(let text): try check(text, name)
            case .list(let texts):
                guard texts.count <= countLimit else {
                    throw wrong(name, "has a list of \(texts.count) texts, and the limit is \(countLimit)")
                }
                for text in texts { try check(text, name) }
            case .number(let number):
                if !number.isFinite { throw wrong(name, "is \(number), and JSON has only finite numbers") }
            case .date(let date):
                if MomentText.text(date) == nil { throw wrong(name, "is a moment that is not in the years 1 to 9999") }
            case .int, .bool: break
            }
            return nil
        } catch {
            return error
        }
    }

    private static func check(_ text: String, _ name: String) throws(WorkflowError) {
        guard text.utf8.count <= textLimit else {
            throw wrong(
                name, "has text of \(text.utf8.count) bytes, and the limit is \(textLimit): put it into the input, and search by a digest")
        }
        if text.utf8.contains(0) { throw wrong(name, "has text with a NUL character, which a database cannot hold") }
    }

    private static func wrong(_ name: String, _ what: String) -> WorkflowError {
        WorkflowError(.invalidAttribute, "attribute '\(name)' \(what)")
    }
}
