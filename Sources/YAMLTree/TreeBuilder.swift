internal import Diagnostics

/// Makes documents of libyaml's events. Mistakes are collected; only a limit ends the work.
struct TreeBuilder {
    private enum Anchor {
        /// The anchored collection is still being read.
        case open(frame: Int)
        case complete(Measured)
    }

    /// A node with its size once aliases are expanded.
    private struct Measured {
        var node: YAMLNode
        var nodes: Int
        var depth: Int
    }

    private(set) var documents: [YAMLDocument] = []
    private(set) var diagnostics: [Diagnostic] = []

    private let file: String
    private let limits: YAMLLimits
    private var frames: [CollectionFrame] = []
    private var framesOpened = 0
    private var anchors: [String: Anchor] = [:]
    private var root: YAMLNode?
    private var documentStart = SourcePosition(line: 1, column: 1)
    private var nodes = 0
    private var isStopped = false

    init(file: String, limits: YAMLLimits) {
        self.file = file
        self.limits = limits
    }

    /// Returns false when a limit was met and reading must end.
    mutating func take(_ event: ParserEvent) -> Bool {
        let range = SourceRange(file: file, start: event.start, end: event.end)
        switch event.kind {
        case .streamStart, .streamEnd: break
        case .documentStart:
            root = nil
            anchors = [:]
            documentStart = event.start
        case .documentEnd:
            documents.append(YAMLDocument(root: root, range: SourceRange(file: file, start: documentStart, end: event.end)))
        case .alias(let name): takeAlias(name, at: range)
        case .scalar(let text, let isPlain, let properties):
            takeScalar(text, isPlain: isPlain, properties, at: range)
        case .sequenceStart(let properties):
            checkTag(properties.tag, is: .sequence, at: range)
            open(isMapping: false, properties, at: range)
        case .mappingStart(let properties):
            checkTag(properties.tag, is: .mapping, at: range)
            open(isMapping: true, properties, at: range)
        case .collectionEnd(let isFlow): close(at: isFlow ? event.end : nil)
        }
        return !isStopped
    }

    // MARK: Scalars and aliases

    private mutating func takeScalar(_ text: String, isPlain: Bool, _ properties: NodeProperties, at range: SourceRange) {
        guard count(1, at: range) else { return }
        let isEmpty = isPlain && text.isEmpty && properties.anchor == nil && properties.tag == nil
        if frames.isEmpty, isEmpty { return }
        let scalar = scalar(text, isPlain: isPlain, tag: properties.tag, at: range)
        let measured = Measured(node: YAMLNode(value: .scalar(scalar), range: range), nodes: 1, depth: 0)
        if let anchor = properties.anchor { anchors[anchor] = .complete(measured) }
        add(measured)
    }

    private mutating func scalar(_ text: String, isPlain: Bool, tag: String?, at range: SourceRange) -> YAMLScalar {
        if text.utf8.contains(0) {
            report("yaml-character", "text may not hold a NUL character", at: range, help: "Remove the escape `\\0`.")
        }
        guard let tag else { return YAMLScalar(text: text, isPlain: isPlain) }
        guard let core = CoreTag(fullName: tag) else {
            reportUnknownTag(tag, at: range)
            return YAMLScalar(text: text, isPlain: false)
        }
        guard let typing = core.typing(of: text) else {
            reportMisfit(core, at: range)
            return YAMLScalar(text: text, isPlain: false)
        }
        return YAMLScalar(text: text, isPlain: false, typing: typing)
    }

    private mutating func takeAlias(_ name: String, at range: SourceRange) {
        switch anchors[name] {
        case .complete(let anchored):
            guard count(anchored.nodes, at: range), checkDepth(frames.count + anchored.depth, at: range) else { return }
            add(Measured(node: YAMLNode(value: anchored.node.value, range: range), nodes: anchored.nodes, depth: anchored.depth))
        case .open:
            reportAlias(
                "the alias `*\(Excerpt(name))` stands within what it stands for",
                at: range,
                help: "An anchor cannot contain itself."
            )
            addStandIn(for: name, at: range)
        case nil:
            let help = nearestAnchor(to: name).map { "Did you mean `*\(Excerpt($0))`?" }
            reportAlias(
                "there is no anchor for the alias `*\(Excerpt(name))`",
                at: range,
                help: help ?? "Set the anchor `&\(Excerpt(name))` before it, in the same document."
            )
            addStandIn(for: name, at: range)
        }
    }

    /// Nil also where a search among very many or very long names would take its time.
    private func nearestAnchor(to name: String) -> String? {
        guard anchors.count <= 500, name.utf8.count <= 100 else { return nil }
        return Suggestion.nearest(to: name, among: anchors.keys.lazy.filter { $0.utf8.count <= 100 })
    }

    private mutating func reportAlias(_ message: String, at range: SourceRange, help: String) {
        report("yaml-alias", message, at: range, help: help)
    }

    /// Text in place of a broken alias, so that what is around it can still be checked.
    private mutating func addStandIn(for name: String, at range: SourceRange) {
        guard count(1, at: range) else { return }
        let scalar = YAMLScalar(text: "*" + name, isPlain: false)
        add(Measured(node: YAMLNode(value: .scalar(scalar), range: range), nodes: 1, depth: 0))
    }

    // MARK: Collections

    private mutating func open(isMapping: Bool, _ properties: NodeProperties, at range: SourceRange) {
        guard count(1, at: range), checkDepth(frames.count + 1, at: range) else { return }
        framesOpened += 1
        if let anchor = properties.anchor { anchors[anchor] = .open(frame: framesOpened) }
        frames.append(
            CollectionFrame(
                isMapping: isMapping,
                range: range,
                anchor: properties.anchor,
                nodesBefore: nodes - 1,
                number: framesOpened
            )
        )
    }

    /// `end`: where the closing bracket ends; nil for a block collection, which ends with its last value.
    private mutating func close(at end: SourcePosition?) {
        guard let frame = frames.popLast() else { return }
        let range = SourceRange(file: file, start: frame.start, end: end ?? frame.lastEnd)
        let measured = Measured(
            node: YAMLNode(value: frame.finished(), range: range),
            nodes: nodes - frame.nodesBefore,
            depth: frame.depthBelow + 1
        )
        // Should an inner node have taken the same name since, the name is the inner node's.
        if let anchor = frame.anchor, case .open(frame.number) = anchors[anchor] { anchors[anchor] = .complete(measured) }
        add(measured)
    }

    private mutating func add(_ measured: Measured) {
        guard !frames.isEmpty else { return root = measured.node }
        let top = frames.count - 1
        if let problem = frames[top].add(measured.node, depth: measured.depth) { report(problem) }
    }

    // MARK: Limits and reports

    private mutating func count(_ added: Int, at range: SourceRange) -> Bool {
        nodes += added
        guard nodes > limits.nodes else { return true }
        report(
            "yaml-limit",
            "the file holds more than \(limits.nodes) values once aliases are expanded",
            at: range,
            help: "Split it into several files, or use fewer aliases."
        )
        isStopped = true
        return false
    }

    private mutating func checkDepth(_ depth: Int, at range: SourceRange) -> Bool {
        guard depth > limits.depth else { return true }
        report("yaml-limit", "lists and mappings are nested more than \(limits.depth) deep", at: range, help: "Nest them less deeply.")
        isStopped = true
        return false
    }

    private mutating func checkTag(_ tag: String?, is expected: CoreTag, at range: SourceRange) {
        guard let tag else { return }
        guard let core = CoreTag(fullName: tag) else { return reportUnknownTag(tag, at: range) }
        if core != expected { reportMisfit(core, at: range) }
    }

    private mutating func reportUnknownTag(_ tag: String, at range: SourceRange) {
        report(
            "yaml-tag",
            "the tag `\(Excerpt(CoreTag.asWritten(tag)))` is not known",
            at: range,
            help: "Remove it; quote a value that begins with an exclamation mark."
        )
    }

    private mutating func reportMisfit(_ tag: CoreTag, at range: SourceRange) {
        report(
            "yaml-tag",
            "the value after `!!\(tag.rawValue)` is not \(tag.noun)",
            at: range,
            help: "Remove the tag or correct the value."
        )
    }

    private mutating func report(_ code: String, _ message: String, at range: SourceRange, help: String) {
        report(.error(code, message, at: range, help: help))
    }

    private mutating func report(_ diagnostic: Diagnostic) {
        diagnostics.append(diagnostic)
        guard diagnostics.count == limits.diagnostics else { return }
        isStopped = true
        diagnostics.append(
            .error(
                "yaml-limit",
                "there are more mistakes; the rest of the file was not read",
                at: diagnostic.range,
                help: "Correct these first."
            )
        )
    }
}
