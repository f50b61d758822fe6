internal import Diagnostics

/// What libyaml reports, copied into values.
struct ParserEvent {
    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case alias(String)
        case scalar(text: String, isPlain: Bool, NodeProperties)
        case sequenceStart(NodeProperties)
        case mappingStart(NodeProperties)
        /// `isFlow`: written with a closing bracket, so that the event's place is the collection's end.
        case collectionEnd(isFlow: Bool)
    }

    var kind: Kind
    var start: SourcePosition
    var end: SourcePosition
}

/// What may stand before a value: `&anchor` and `!tag`.
struct NodeProperties {
    var anchor: String?
    /// In full, such as `tag:yaml.org,2002:str` for `!!str`.
    var tag: String?
}

/// Why libyaml could not read on, in its own words.
struct SyntaxProblem {
    var problem: String
    var context: String?
    var position: SourcePosition
    /// Where the construct began that could not be read.
    var contextPosition: SourcePosition?
}
