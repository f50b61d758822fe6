package import Diagnostics

/// A value of a YAML file with the place it stands at. Aliases share the storage of what they stand for.
package struct YAMLNode: Sendable {
    package enum Value: Sendable {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    package var value: Value
    /// Where the value is written; for an alias the alias itself, while what lies below it keeps the places of the anchored text.
    package var range: SourceRange

    package init(value: Value, range: SourceRange) {
        self.value = value
        self.range = range
    }

    package var scalar: YAMLScalar? {
        if case .scalar(let scalar) = value { scalar } else { nil }
    }

    package var sequence: [YAMLNode]? {
        if case .sequence(let items) = value { items } else { nil }
    }

    package var mapping: [YAMLEntry]? {
        if case .mapping(let entries) = value { entries } else { nil }
    }

    /// The value under a key of a mapping; nil for what is no mapping or lacks the key.
    package subscript(_ key: String) -> YAMLNode? {
        mapping?.first { $0.key == key }?.value
    }
}

/// One key of a mapping with its value. Keys of one mapping differ; they keep the order of the file.
package struct YAMLEntry: Sendable {
    package var key: String
    package var keyRange: SourceRange
    package var value: YAMLNode
    /// Whether the entry came in through a merge key (`<<`).
    package var isMerged: Bool

    package init(key: String, keyRange: SourceRange, value: YAMLNode, isMerged: Bool = false) {
        self.key = key
        self.keyRange = keyRange
        self.value = value
        self.isMerged = isMerged
    }
}

/// One document of a file; `---` separates them.
package struct YAMLDocument: Sendable {
    /// Nil when the document is empty.
    package var root: YAMLNode?
    package var range: SourceRange

    package init(root: YAMLNode?, range: SourceRange) {
        self.root = root
        self.range = range
    }
}
