internal import Diagnostics

/// A list or mapping whose end has not been read yet.
struct CollectionFrame {
    let isMapping: Bool
    let start: SourcePosition
    let anchor: String?
    /// Values and keys of the file before this collection.
    let nodesBefore: Int
    /// Tells frames apart that were open one after the other.
    let number: Int
    private(set) var lastEnd: SourcePosition
    /// Of the deepest child.
    private(set) var depthBelow = 0
    // Two plain members, not an enum: a payload cannot be appended to in place.
    private var items: [YAMLNode] = []
    private var mapping = MappingBuilder()

    init(isMapping: Bool, range: SourceRange, anchor: String?, nodesBefore: Int, number: Int) {
        self.isMapping = isMapping
        self.start = range.start
        self.lastEnd = range.end
        self.anchor = anchor
        self.nodesBefore = nodesBefore
        self.number = number
    }

    mutating func add(_ node: YAMLNode, depth: Int) -> Diagnostic? {
        lastEnd = max(lastEnd, node.range.end)
        depthBelow = max(depthBelow, depth)
        if isMapping { return mapping.add(node) }
        items.append(node)
        return nil
    }

    func finished() -> YAMLNode.Value {
        isMapping ? .mapping(mapping.finished()) : .sequence(items)
    }
}
