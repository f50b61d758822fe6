internal import Specification
internal import Subprocess
internal import SystemPackage

/// What git knows about a folder. No git, and no checkout, is no error: a workspace need not be in git.
struct GitCheckout {
    private let folder: String
    /// The full id of the commit that is checked out.
    let commit: String

    init?(folder: String) async {
        self.folder = folder
        guard let text = await Self.git(["-C", folder, "rev-parse", "--verify", "--quiet", "HEAD"]) else { return nil }
        let commit = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        guard commit.utf8.count >= 40, commit.allSatisfy(\.isHexDigit) else { return nil }
        self.commit = commit
    }

    /// The workspace in this folder as it was at a revision. `nil`: the revision or its `crplan.yaml` is not there.
    func workspace(at revision: String) async -> [SpecFile]? {
        guard let list = await Self.git(["-C", folder, "ls-tree", "-r", "--name-only", "-z", revision]) else { return nil }
        let paths = list.split(separator: "\0").map(String.init)
        guard let crplanFile = await file(WorkspaceFiles.fileName, at: revision) else { return nil }
        var files: [SpecFile] = []
        for path in WorkspaceFiles.members(crplanBytes: crplanFile.bytes, candidates: paths) {
            guard let file = await file(path, at: revision) else { return nil }
            files.append(file)
        }
        return files
    }

    private func file(_ path: String, at revision: String) async -> SpecFile? {
        guard let text = await Self.git(["-C", folder, "show", "\(revision):./\(path)"]) else { return nil }
        return SpecFile(path: path, bytes: Array(text.utf8))
    }

    private static func git(_ arguments: [String]) async -> String? {
        let result = try? await run(
            .name("git"),
            arguments: Arguments(arguments),
            output: .string(limit: SpecLoading.largestFile),
            error: .discarded
        )
        guard let result, result.terminationStatus.isSuccess else { return nil }
        return result.standardOutput
    }
}
