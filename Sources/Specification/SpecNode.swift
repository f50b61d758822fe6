internal import Diagnostics

/// A value of a spec that has the form the key table asks for, with variables put in. What had not is left out, and was reported.
struct SpecNode: Sendable {
    enum Value: Sendable {
        case text(String)
        case integer(Int)
        case boolean(Bool)
        case list([SpecNode])
        case mapping(SpecMapping)
    }

    var value: Value
    var range: SourceRange

    var text: String? { if case .text(let text) = value { text } else { nil } }
    var integer: Int? { if case .integer(let number) = value { number } else { nil } }
    var boolean: Bool? { if case .boolean(let flag) = value { flag } else { nil } }
    var list: [SpecNode]? { if case .list(let items) = value { items } else { nil } }
    var mapping: SpecMapping? { if case .mapping(let mapping) = value { mapping } else { nil } }

    /// The items of a list, or this alone: for keys that take one or several.
    var oneOrMore: [SpecNode] { list ?? [self] }
}

/// The entries of a mapping in the file's order.
struct SpecMapping: Sendable {
    struct Entry: Sendable {
        var key: String
        var keyRange: SourceRange
        var node: SpecNode
    }

    var entries: [Entry] = []
    /// Keys that stand there with a value that was reported: "not given" would be a second, wrong report.
    var broken: [String] = []

    subscript(key: String) -> SpecNode? { entries.first { $0.key == key }?.node }

    func entry(_ key: String) -> Entry? { entries.first { $0.key == key } }

    func list(_ key: String) -> [SpecNode] { self[key]?.list ?? [] }
}
