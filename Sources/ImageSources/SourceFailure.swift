internal import Files
internal import OCI

/// Failures of one source of content, in the words of the seam.
struct SourceFailure: Sendable {
    /// The path as the user wrote it.
    let path: String

    func error(_ code: RegistryError.Code, reason: String, help: String? = nil) -> RegistryError {
        RegistryError(code, action: "read", object: path.withVisibleControls, reason: reason.withVisibleControls, help: help)
    }

    func error(_ error: FileError) -> RegistryError {
        switch error.code {
        case .notFound: self.error(.notFound, reason: error.reason)
        case .cancelled: self.error(.cancelled, reason: error.reason)
        case .noSpace:
            self.error(.localFile, reason: "\(error.path): \(error.reason)", help: "make room, or let TMPDIR name another folder")
        default: self.error(.localFile, reason: error.path == path ? error.reason : "\(error.path): \(error.reason)")
        }
    }

    func files<Result>(_ body: () throws(FileError) -> Result) throws(RegistryError) -> Result {
        do throws(FileError) { return try body() } catch { throw self.error(error) }
    }

    /// What there is instead of what was asked for; at most ten names.
    static func list(_ names: [String]) -> String {
        let shown = Set(names).sorted()
        return shown.prefix(10).joined(separator: ", ") + (shown.count > 10 ? " and \(shown.count - 10) more" : "")
    }
}

extension ImageFiles {
    /// A small JSON file. `nil`: not there. Throws `.corrupt` for what parsers would not read alike.
    func json(_ name: String, limit: Int = ManifestDocument.largestSize, _ failure: SourceFailure) throws(RegistryError) -> JSONValue? {
        guard let range = try failure.files({ () throws(FileError) in try findUnique(name) }) else { return nil }
        let bytes = try failure.files { () throws(FileError) in try range.bytes(limit: limit) }
        return try parse(bytes, name, failure)
    }

    func parse(_ bytes: [UInt8], _ name: String, _ failure: SourceFailure) throws(RegistryError) -> JSONValue {
        do throws(JSONValue.Invalid) {
            return try JSONValue(parsing: bytes, strictly: Self.names(name))
        } catch {
            throw failure.error(.corrupt, reason: "its \(name) cannot be \(error.isAmbiguous ? "used" : "understood"): \(error)")
        }
    }

    /// The members by which a file of this name says which content is meant.
    private static func names(_ name: String) -> MemberNames {
        switch name {
        case "index.json": .ofManifests
        case "manifest.json": MemberNames(["Config", "RepoTags", "Layers"])
        default: MemberNames(["rootfs", "diff_ids", "imageLayoutVersion"])
        }
    }
}
