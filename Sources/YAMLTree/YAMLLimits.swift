/// What one file may ask of us at most. Aliases count as what they stand for, so that no small file unfolds into a huge one.
package struct YAMLLimits: Sendable {
    package static let `default` = YAMLLimits()

    package var fileBytes: Int
    /// Lists and mappings within each other.
    package var depth: Int
    /// Values and keys of all documents of a file together.
    package var nodes: Int
    /// Findings per file; after that many nobody reads on.
    package var diagnostics: Int
    /// libyaml compares every `%TAG` line with all before it.
    package var tagDirectives: Int

    package init(
        fileBytes: Int = 16 * 1024 * 1024,
        depth: Int = 64,
        nodes: Int = 1_000_000,
        diagnostics: Int = 100,
        tagDirectives: Int = 64
    ) {
        self.fileBytes = fileBytes
        self.depth = depth
        self.nodes = nodes
        self.diagnostics = diagnostics
        self.tagDirectives = tagDirectives
    }
}
