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
        guard let output = await Self.git(["-C", folder, "rev-parse", "--verify", "--quiet", "HEAD"]),
            let commit = Self.id(output)
        else { return nil }
        self.commit = commit
    }

    /// The full id of the commit that a revision names. `nil`: there is none.
    func commit(of revision: String) async -> String? {
        let arguments = ["-C", folder, "rev-parse", "--verify", "--quiet", "--end-of-options", "\(revision)^{commit}"]
        return await Self.git(arguments).flatMap(Self.id)
    }

    private static func id(_ output: [UInt8]) -> String? {
        let id = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        return id.utf8.count >= 40 && id.allSatisfy(\.isHexDigit) ? id : nil
    }

    /// The workspace in this folder as it was at a revision. `nil`: the revision or its `crplan.yaml` is not there.
    func workspace(at revision: String) async -> [SpecFile]? {
        guard let list = await Self.git(["-C", folder, "ls-tree", "-r", "-z", revision]) else { return nil }
        let ids = Self.files(ofTree: list)
        guard let crplanID = ids[WorkspaceFiles.fileName], let crplanBytes = await blobs([crplanID])?.first else { return nil }
        let paths = WorkspaceFiles.members(crplanBytes: crplanBytes, candidates: Array(ids.keys))
        guard let contents = await blobs(paths.compactMap { ids[$0] }), contents.count == paths.count else { return nil }
        return zip(paths, contents).map { SpecFile(path: $0, bytes: $1) }
    }

    /// Lines of `ls-tree`: `MODE blob ID<tab>PATH`, each ended by a zero byte. Links and submodules are left out.
    private static func files(ofTree output: [UInt8]) -> [String: String] {
        var ids: [String: String] = [:]
        for record in output.split(separator: 0) {
            let parts = record.split(separator: UInt8(ascii: "\t"), maxSplits: 1)
            let fields = parts.first?.split(separator: UInt8(ascii: " ")) ?? []
            guard parts.count == 2, fields.count == 3, fields[0].starts(with: "100".utf8) else { continue }
            ids[String(decoding: parts[1], as: UTF8.self)] = String(decoding: fields[2], as: UTF8.self)
        }
        return ids
    }

    /// The contents of these blobs, in their order, by one process for all.
    private func blobs(_ ids: [String]) async -> [[UInt8]]? {
        let input = ids.map { $0 + "\n" }.joined()
        guard let output = await Self.git(["-C", folder, "cat-file", "--batch"], input: input) else { return nil }
        var rest = output[...]
        var blobs: [[UInt8]] = []
        // Each: `ID blob SIZE`, a line break, the bytes, a line break.
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let fields = rest[..<end].split(separator: UInt8(ascii: " "))
            guard fields.count == 3, let size = Int(String(decoding: fields[2], as: UTF8.self)) else { return nil }
            rest = rest[(end + 1)...]
            guard size >= 0, rest.count > size else { return nil }
            blobs.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size + 1)
        }
        return blobs.count == ids.count ? blobs : nil
    }

    private static func git(_ arguments: [String], input: String = "") async -> [UInt8]? {
        let result = try? await run(
            .name("git"),
            arguments: Arguments(arguments),
            // What a partial clone lacks is not fetched: planning talks to registries alone.
            environment: .inherit.updating(["GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"]),
            input: .string(input),
            output: .bytes(limit: 4 * SpecLoading.largestFile),
            error: .discarded
        )
        guard let result, result.terminationStatus.isSuccess else { return nil }
        return result.standardOutput
    }
}
