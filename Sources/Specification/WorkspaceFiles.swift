internal import Planning
internal import YAMLTree

/// Which files below the folder of a `crplan.yaml` belong to its workspace.
package enum WorkspaceFiles {
    package static let fileName = "crplan.yaml"

    /// The YAML files among `candidates` that belong, sorted, `crplan.yaml` first. All paths are relative to the workspace's folder;
    /// `candidates` holds every file below it, those of folders with a `crplan.yaml` of their own included: these are left out here.
    /// Mistakes in `crplan.yaml` itself are reported when it is read.
    package static func members(crplanBytes: [UInt8], candidates: [String]) -> [String] {
        let include = include(in: crplanBytes)
        let nested = Set(candidates.filter { $0.hasSuffix("/" + fileName) }.map { $0.dropLast(fileName.utf8.count) })
        let members = candidates.filter { path in
            guard path != fileName, path.hasSuffix(".yaml") || path.hasSuffix(".yml"), !isBelow(nested, path) else { return false }
            let isHidden = hasHiddenFolder(path)
            guard let include else { return !isHidden }
            // As in a shell, only a pattern that spells a hidden folder out matches one.
            return include.contains { $0.matches(path) && (!isHidden || hasHiddenFolder($0.description)) }
        }
        return [fileName] + Set(members).sorted()
    }

    private static func include(in bytes: [UInt8]) -> [Glob]? {
        // Most files say nothing of it, and large ones take long to parse.
        let word = Array("include".utf8)
        guard bytes.indices.contains(where: { bytes[$0] == word[0] && bytes[$0...].starts(with: word) }) else { return nil }
        let (documents, _) = YAMLParser.parse(bytes, file: fileName)
        let lists = documents.compactMap { $0.root?["workspace"]?["include"]?.sequence }
        guard !lists.isEmpty else { return nil }
        return lists.flatMap { $0 }.compactMap(\.scalar).map { scalar in
            Glob(scalar.text.hasPrefix("./") ? String(scalar.text.dropFirst(2)) : scalar.text)
        }
    }

    private static func isBelow(_ folders: Set<Substring>, _ path: String) -> Bool {
        guard !folders.isEmpty else { return false }
        var rest = path[...]
        while let slash = rest.lastIndex(of: "/") {
            rest = rest[...slash]
            if folders.contains(rest) { return true }
            rest = rest.dropLast()
        }
        return false
    }

    /// Whether one of the folders of a path, not the file itself, begins with a dot.
    private static func hasHiddenFolder(_ path: String) -> Bool {
        path.split(separator: "/").dropLast().contains { $0.hasPrefix(".") && $0 != "." && $0 != ".." }
    }
}
