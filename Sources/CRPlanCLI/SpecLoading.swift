internal import Diagnostics
internal import Files
internal import OCI
internal import Planning
internal import Specification
internal import SystemPackage
internal import YAMLTree

/// The specs at hand, read and decoded.
struct LoadedSpecs {
    /// The folder that relative paths of the specs and the plan start at.
    var root: String
    var source: Plan.Source
    var result: SpecificationResult
    /// From the command line and the environment.
    var variables: [String: String] = [:]
    /// For showing the lines that diagnostics are about.
    var bytes: [String: [UInt8]]

    /// For messages.
    var name: String { source == .workspace ? "the workspace \(root.withVisibleControls)" : "what -f names" }

    var specFiles: [Plan.SpecFile] {
        result.fileDigests.sorted { $0.key < $1.key }.map { Plan.SpecFile(path: $0.key, digest: $0.value) }
    }
}

/// Finds and reads spec files. What they mean is decided in `Specification`.
struct SpecLoading {
    /// 16 MiB: a spec is written by people (design; the limit that `YAMLTree` enforces as well).
    static let largestFile = 16 << 20

    var options: WorkspaceOptions

    private var directory: String { options.directory ?? "." }

    func load() throws -> LoadedSpecs {
        if options.files.isEmpty {
            guard let root = try Self.workspaceRoot(from: directory) else {
                throw CommandFailure(
                    "no \(WorkspaceFiles.fileName) here or in a folder above; go to the workspace, name its folder with -C, or name spec files with -f; 'crplan init' begins a workspace"
                )
            }
            return try loadWorkspace(root)
        }
        return try loadFiles(options.files)
    }

    /// The nearest folder upward that holds a `crplan.yaml`, relative to the working directory where that is shorter.
    static func workspaceRoot(from directory: String) throws -> String? {
        guard let start = try FileStatus.of(directory), start.kind == .folder else {
            throw CommandFailure("\(directory) is not a folder")
        }
        var path = FilePath(absolute(directory))
        while true {
            if try FileStatus.of(path.appending(WorkspaceFiles.fileName).string)?.kind == .regular { return path.string }
            guard path.removeLastComponent() else { return nil }
        }
    }

    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return FilePath(path).lexicallyNormalized().string }
        let here = currentFolder()
        return FilePath(here).appending(FilePath(path).components).lexicallyNormalized().string
    }

    private func loadWorkspace(_ root: String) throws -> LoadedSpecs {
        let crplanBytes = try WholeFile.read("\(root)/\(WorkspaceFiles.fileName)", limit: Self.largestFile)
        let members = try Self.members(of: root, crplanBytes)
        var files: [SpecFile] = []
        for path in members {
            let bytes = path == WorkspaceFiles.fileName ? crplanBytes : try WholeFile.read("\(root)/\(path)", limit: Self.largestFile + 1)
            files.append(SpecFile(path: path, bytes: bytes))
        }
        return try read(files, root: root, mode: .workspace(crplanFile: WorkspaceFiles.fileName), source: .workspace)
    }

    private static func members(of root: String, _ crplanBytes: [UInt8]) throws -> [String] {
        let entries = try Folder(root).walk(descend: mayHoldSpecs)
        let links = entries.filter { $0.kind == .link && mayHoldSpecs($0) }.map(\.path)
        try links.forEach { try refuseSpecs(behind: $0, of: root, crplanBytes) }
        return WorkspaceFiles.members(crplanBytes: crplanBytes, candidates: entries.filter { $0.kind != .folder }.map(\.path))
    }

    /// Repositories of layouts and git's own folder can be huge, and hold no specs.
    private static func mayHoldSpecs(_ folder: FolderEntry) -> Bool {
        let name = folder.path.split(separator: "/").last ?? ""
        return name != ".git" && name != "blobs" && name != ".build"
    }

    /// A link to a folder is not followed; but a spec that is passed over would leave its tags undeclared, for a prune to take.
    private static func refuseSpecs(behind link: String, of root: String, _ crplanBytes: [UInt8]) throws {
        let path = "\(root)/\(link)"
        guard try FileStatus.of(path)?.kind == .folder, let real = Folder.canonicalPath(path), let realRoot = Folder.canonicalPath(root),
            !"\(real)/".hasPrefix("\(realRoot)/")
        else { return }
        // A link to half a disk leads to no specs.
        guard let below = try? Folder(real).walk(limit: 100_000, descend: mayHoldSpecs) else { return }
        let candidates = below.filter { $0.kind != .folder }.map { "\(link)/\($0.path)" }
        for member in WorkspaceFiles.members(crplanBytes: crplanBytes, candidates: candidates).dropFirst() {
            let bytes = try WholeFile.read("\(root)/\(member)", limit: largestFile)
            guard String(decoding: bytes, as: UTF8.self).contains("crplan/v") else { continue }
            throw CommandFailure(
                "\(link.withVisibleControls) is a symbolic link to a folder, which is not followed, and \(member.withVisibleControls) looks like a "
                    + "spec; put the folder itself there, or leave it out with 'workspace: {include: […]}' in \(WorkspaceFiles.fileName)"
            )
        }
    }

    private func loadFiles(_ names: [String]) throws -> LoadedSpecs {
        let paths = names.map { name in Self.absolute(name.hasPrefix("/") ? name : "\(directory)/\(name)") }
        let root = Self.deepestFolder(of: paths)
        var files: [SpecFile] = []
        for path in Set(paths).sorted() {
            let shown = root == "/" ? String(path.dropFirst()) : String(path.dropFirst(root.utf8.count + 1))
            files.append(SpecFile(path: shown, bytes: try WholeFile.read(path, limit: Self.largestFile + 1, allowsPipes: true)))
        }
        let loaded = try read(files, root: root, mode: .files, source: .files(files.map(\.path)))
        try refuseMembers(of: paths, pruning: loaded.result.pruningFiles.map { root == "/" ? "/\($0)" : "\(root)/\($0)" })
        return loaded
    }

    /// A file of a workspace says less than the workspace: without the rest, its policy would not hold and its prunes would go too far.
    private func refuseMembers(of paths: [String], pruning: [String]) throws {
        for path in paths {
            let folder = FilePath(path).removingLastComponent().string
            guard let root = try Self.workspaceRoot(from: folder) else { continue }
            let crplanFile = "\(root)/\(WorkspaceFiles.fileName)"
            let bytes = try WholeFile.read(crplanFile, limit: Self.largestFile)
            guard try Self.members(of: root, bytes).contains(where: { "\(root)/\($0)" == path }) else { continue }
            if pruning.contains(path) {
                throw CommandFailure("\(path) prunes and belongs to the workspace \(root); plan the whole workspace with -C \(root)")
            }
            if !paths.contains(crplanFile) {
                throw CommandFailure(
                    "\(path) belongs to the workspace \(root); plan the workspace with -C \(root), or give \(crplanFile) with -f too"
                )
            }
        }
    }

    static func deepestFolder(of paths: [String]) -> String {
        let folders = paths.map { Array(FilePath($0).removingLastComponent().components) }
        guard var common = folders.first else { return currentFolder() }
        for folder in folders { common = zip(common, folder).prefix { $0 == $1 }.map(\.0) }
        return FilePath(root: "/", common).string
    }

    private func read(_ files: [SpecFile], root: String, mode: SpecificationInput.Mode, source: Plan.Source) throws -> LoadedSpecs {
        let variables = try SpecVariables(options).values()
        let input = SpecificationInput(files: files, mode: mode, variables: variables)
        return LoadedSpecs(
            root: root,
            source: source,
            result: Specification.read(input),
            variables: variables,
            bytes: Dictionary(files.map { ($0.path, $0.bytes) }, uniquingKeysWith: { first, _ in first })
        )
    }
}

/// Variables from outside the specs: `--var` > `--var-file` > `CRPLAN_VAR_*`.
struct SpecVariables {
    var options: WorkspaceOptions

    init(_ options: WorkspaceOptions) {
        self.options = options
    }

    func values() throws -> [String: String] {
        var values: [String: String] = [:]
        let prefix = "CRPLAN_VAR_"
        for (name, value) in environment() where name.hasPrefix(prefix) { values[String(name.dropFirst(prefix.count))] = value }
        for path in options.variableFiles { values.merge(try read(path)) { _, new in new } }
        for text in options.variables {
            guard let equals = text.firstIndex(of: "=") else { continue }
            values[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return values
    }

    private func read(_ path: String) throws -> [String: String] {
        let (documents, diagnostics) = YAMLParser.parse(
            try WholeFile.read(path, limit: SpecLoading.largestFile, allowsPipes: true),
            file: path
        )
        if let first = diagnostics.inReadingOrder().first(where: { $0.severity == .error }) {
            let place = first.range.map { "\($0.file):\($0.start.line):\($0.start.column): " } ?? "\(path): "
            throw CommandFailure("\(place)\(first.message)")
        }
        guard let root = documents.first?.root else { return [:] }
        guard documents.count == 1, let entries = root.mapping else {
            throw CommandFailure("\(path) is not a file of variables: it must be one YAML map of names and values")
        }
        var values: [String: String] = [:]
        for entry in entries {
            guard let scalar = entry.value.scalar else {
                throw CommandFailure(
                    "\(path):\(entry.keyRange.start.line): the variable '\(entry.key)' must be one value, not a list or map"
                )
            }
            values[entry.key] = scalar.text
        }
        return values
    }
}
