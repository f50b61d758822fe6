internal import Diagnostics
internal import OCI
internal import YAMLTree

/// One YAML document that is a spec, checked against the key table.
struct SpecDocument: Sendable {
    var file: String
    /// Whether it may hold `registries`, `groups` and all of `policy`.
    var isOwner: Bool
    var root: SpecMapping
}

/// Parses files, tells specs from other YAML, and reads the specs by the key table.
struct SpecIntake {
    private let input: SpecificationInput
    private(set) var documents: [SpecDocument] = []
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var unavailable: [UnavailableUse] = []
    private(set) var fileDigests: [String: Digest] = [:]
    private(set) var passedOverFiles = 0
    private var shared: VariableScope

    init(_ input: SpecificationInput) {
        self.input = input
        shared = VariableScope(overriding: input.variables, own: [], diagnostics: &diagnostics)
    }

    private struct ParsedFile {
        var path: String
        /// The documents that are specs.
        var specs: [YAMLNode]
    }

    mutating func readAll() {
        var parsed: [ParsedFile] = []
        for file in input.files {
            let specs = parse(file)
            if !specs.isEmpty {
                fileDigests[file.path] = Digest.sha256(of: file.bytes)
                parsed.append(ParsedFile(path: file.path, specs: specs))
            }
        }
        // What crplan.yaml defines is seen everywhere, so it comes first.
        for file in parsed where isWorkspaceFile(file.path) {
            shared = VariableScope(overriding: input.variables, inherited: shared, own: definitions(in: file), diagnostics: &diagnostics)
        }
        for file in parsed { read(file) }
    }

    private func isWorkspaceFile(_ path: String) -> Bool {
        switch input.mode {
        case .workspace(let crplanFile): path == crplanFile
        case .files: path.split(separator: "/").last == "crplan.yaml"
        }
    }

    private func isOwner(_ path: String) -> Bool {
        switch input.mode {
        case .workspace(let crplanFile): path == crplanFile
        case .files: true
        }
    }

    private mutating func read(_ file: ParsedFile) {
        var scope = shared
        if !isWorkspaceFile(file.path) {
            scope = VariableScope(overriding: input.variables, inherited: shared, own: definitions(in: file), diagnostics: &diagnostics)
        }
        var reader = NodeReader(variables: scope)
        for root in file.specs {
            guard let mapping = reader.read(root, as: .mapping(KeyTable.root), name: "spec")?.mapping else { continue }
            documents.append(SpecDocument(file: file.path, isOwner: isOwner(file.path), root: mapping))
        }
        diagnostics += reader.diagnostics
        unavailable += reader.unavailable
    }

    /// The variables a file defines; twice the same name is an error.
    private mutating func definitions(in file: ParsedFile) -> [VariableScope.Definition] {
        var definitions: [VariableScope.Definition] = []
        var places: [String: SourceRange] = [:]
        for entry in file.specs.flatMap({ $0["variables"]?.mapping ?? [] }) {
            // What is no text is reported when the document is read.
            guard let scalar = entry.value.scalar, !(scalar.isPlain && scalar.resolved == .null) else { continue }
            if let first = places[entry.key] {
                diagnostics.append(.duplicate("variable '\(entry.key)'", at: entry.keyRange, first: first))
            }
            places[entry.key] = entry.keyRange
            definitions.append(VariableScope.Definition(name: entry.key, text: scalar.text, range: entry.value.range))
        }
        return definitions
    }
}

extension SpecIntake {
    /// Without these a file is taken for one that can be read; other findings concern specs alone.
    private static let unreadable: Set<String> = ["yaml-syntax", "yaml-encoding", "yaml-limit", "yaml-byte-order-mark"]
    private static let telling = ["images", "copies", "absent", "prune"]

    /// The documents of a file that are specs; what stands against reading them is reported.
    private mutating func parse(_ file: SpecFile) -> [YAMLNode] {
        let (documents, findings) = YAMLParser.parse(file.bytes, file: file.path)
        var specs: [YAMLNode] = []
        var isReported = findings.contains { $0.severity == .error && Self.unreadable.contains($0.code) }
        for root in documents.compactMap(\.root) {
            switch kind(of: root, isSyntaxBroken: isReported) {
            case .spec: specs.append(root)
            case .other: continue
            case .wrong(let diagnostic):
                isReported = true
                diagnostics.append(diagnostic)
            }
        }
        let mustBeSpec = isWorkspaceFile(file.path) || input.mode == .files
        if !specs.isEmpty || isReported {
            diagnostics += findings.filter { !specs.isEmpty || Self.unreadable.contains($0.code) }
        } else if mustBeSpec {
            let start = SourcePosition(line: 1, column: 1)
            diagnostics.append(
                .error(
                    "not-a-spec",
                    "\(file.path.withVisibleControls) is not a spec: it lacks 'apiVersion: \(SpecVersion.current)'",
                    at: SourceRange(file: file.path, start: start, end: start),
                    help: "add 'apiVersion: \(SpecVersion.current)' at its beginning"
                )
            )
        } else {
            passedOverFiles += 1
        }
        return specs
    }

    private enum Kind {
        case spec, other
        case wrong(Diagnostic)
    }

    private func kind(of root: YAMLNode, isSyntaxBroken: Bool) -> Kind {
        guard let entries = root.mapping else { return .other }
        guard let version = entries.first(where: { $0.key == "apiVersion" }) else {
            guard let entry = entries.first(where: { Self.telling.contains($0.key) }) else { return .other }
            return .wrong(
                .error(
                    "no-api-version",
                    "this looks like a spec ('\(entry.key)') and has no apiVersion",
                    at: entry.keyRange,
                    help: "add 'apiVersion: \(SpecVersion.current)', or leave the file out with 'workspace.include' in crplan.yaml"
                )
            )
        }
        guard let text = version.value.scalar?.text, text.lowercased().hasPrefix("crplan") else { return .other }
        if text == SpecVersion.current { return .spec }
        return .wrong(
            .error(
                "unknown-version",
                "apiVersion '\(text.withVisibleControls)' is not known",
                at: version.value.range,
                help: "this version of crplan reads '\(SpecVersion.current)'"
            )
        )
    }
}

extension Diagnostic {
    /// Something defined twice, with both places.
    static func duplicate(_ what: String, at range: SourceRange, first: SourceRange) -> Diagnostic {
        .error(
            "duplicate-definition",
            "\(what) is defined twice",
            at: range,
            help: "take one of the definitions out",
            related: [Related(message: "first defined here", range: first)]
        )
    }
}
