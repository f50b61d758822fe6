/// The tags of YAML 1.2's core schema; all others are refused.
enum CoreTag: String {
    case string = "str"
    case int, float, bool, null
    case sequence = "seq"
    case mapping = "map"

    private static let prefix = "tag:yaml.org,2002:"

    /// Nil for a tag that is not of the core schema.
    init?(fullName: String) {
        guard fullName.hasPrefix(Self.prefix) else { return nil }
        self.init(rawValue: String(fullName.dropFirst(Self.prefix.count)))
    }

    /// The way the user writes it: `!!str`, `!foo`.
    static func asWritten(_ fullName: String) -> String {
        fullName.hasPrefix(prefix) ? "!!" + fullName.dropFirst(prefix.count) : fullName
    }

    /// What the tag asks for, in words.
    var noun: String {
        switch self {
        case .string: "text"
        case .int: "a whole number"
        case .float: "a number"
        case .bool: "true or false"
        case .null: "null"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The typing of a scalar under this tag; nil when the text does not fit it.
    func typing(of text: String) -> YAMLScalar.Typing? {
        switch (self, YAMLScalar.resolve(text)) {
        case (.string, _): .string
        case (.int, .int), (.bool, .bool), (.null, .null): .schema
        case (.float, .int), (.float, .float): .float
        default: nil
        }
    }
}
