internal import CLibYAML
internal import Diagnostics

/// libyaml's event parser over bytes that outlive it. The only place that touches C.
struct LibYAMLParser: ~Copyable {
    enum Step {
        case event(ParserEvent)
        case problem(SyntaxProblem)
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// libyaml places what ends with the file on a line behind it.
    private let end: SourcePosition

    /// Nil when there is no memory. The text is UTF-8 without a byte-order mark and ends at `end`.
    init?(reading text: UnsafeBufferPointer<UInt8>, end: SourcePosition) {
        self.end = end
        parser = .allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            return nil
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// Not to be called again after a problem or the end of the stream.
    mutating func next() -> Step {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { return .problem(problem()) }
        defer { yaml_event_delete(&event) }
        return .event(
            ParserEvent(
                kind: kind(of: event),
                start: position(event.start_mark),
                end: position(event.end_mark)
            )
        )
    }

    private func kind(of event: yaml_event_t) -> ParserEvent.Kind {
        switch event.type {
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_ALIAS_EVENT: return .alias(String(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return .scalar(
                text: String(decoding: bytes, as: UTF8.self),
                isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
                NodeProperties(anchor: String(scalar.anchor), tag: String(scalar.tag))
            )
        case YAML_SEQUENCE_START_EVENT:
            let sequence = event.data.sequence_start
            return .sequenceStart(NodeProperties(anchor: String(sequence.anchor), tag: String(sequence.tag)))
        case YAML_MAPPING_START_EVENT:
            let mapping = event.data.mapping_start
            return .mappingStart(NodeProperties(anchor: String(mapping.anchor), tag: String(mapping.tag)))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            // The end of a block collection is noticed at the next token; a bracket has a width.
            return .collectionEnd(isFlow: event.end_mark.index > event.start_mark.index)
        case YAML_STREAM_START_EVENT: return .streamStart
        default: return .streamEnd
        }
    }

    private func position(_ mark: yaml_mark_t) -> SourcePosition {
        min(SourcePosition(line: mark.line + 1, column: mark.column + 1), end)
    }

    private func problem() -> SyntaxProblem {
        let hasPlace = parser.pointee.error == YAML_SCANNER_ERROR || parser.pointee.error == YAML_PARSER_ERROR
        let context = parser.pointee.context.map { String(cString: $0) }
        return SyntaxProblem(
            problem: parser.pointee.problem.map { String(cString: $0) } ?? "out of memory",
            context: context,
            position: position(hasPlace ? parser.pointee.problem_mark : parser.pointee.mark),
            contextPosition: context == nil ? nil : position(parser.pointee.context_mark)
        )
    }
}

extension String {
    fileprivate init?(_ text: UnsafeMutablePointer<yaml_char_t>?) {
        guard let text else { return nil }
        self.init(cString: text)
    }
}
