internal import Files
package import OCI
package import Registry
internal import Synchronization

/// Image layouts and archives on this machine. A compressed archive is unpacked once, into a private folder that goes with this value, or with
/// `removeTemporaryFiles`.
package final class LocalContentSource: ContentSource {
    private let root: String

    /// What was unpacked, by the archive's path, as long as the archive is the same.
    private struct Unpacked {
        var status: FileStatus
        var folder: TemporaryFolder
    }

    private let unpacked = Mutex<[String: Unpacked]>([:])

    /// Relative paths of locations start at `root`.
    package init(root: String) {
        self.root = root
    }

    package func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection {
        try await find(location).inspection
    }

    package func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader {
        try await find(location)
    }

    /// For a signal: what was unpacked goes at once. What is read from it meanwhile can be read to its end.
    package func removeTemporaryFiles() {
        let all = unpacked.withLock { unpacked in
            defer { unpacked = [:] }
            return unpacked.values.map(\.folder)
        }
        for folder in all { folder.remove() }
    }

    private func find(_ location: ContentLocation) async throws(RegistryError) -> LocalImage {
        let failure = SourceFailure(path: location.path)
        let path = location.path.hasPrefix("/") ? location.path : "\(root)/\(location.path)"
        switch location {
        case .layout(_, let reference): return try layout(path, reference, failure)
        case .archive(_, let image): return try await archive(path, image, failure)
        }
    }

    private func layout(_ path: String, _ reference: String?, _ failure: SourceFailure) throws(RegistryError) -> LocalImage {
        let files = FolderFiles(folder: try failure.files { () throws(FileError) in try Folder(path) })
        guard let found = try LayoutImage(files: files, failure: failure).find(reference) else {
            throw failure.error(.notFound, reason: "it is not an image layout: it has neither oci-layout nor index.json")
        }
        return LocalImage(found, in: files, failure)
    }

    /// The OCI view counts where it is whole, since it has the digests that a registry knows; else docker's.
    private func archive(_ path: String, _ image: String?, _ failure: SourceFailure) async throws(RegistryError) -> LocalImage {
        let files = try await tar(path, failure)
        let docker = DockerArchive(files: files, failure: failure)
        let images = try docker.images()
        do throws(RegistryError) {
            if var found = try LayoutImage(files: files, failure: failure).find(image) {
                if let config = found.root.image?.config?.digest, let images {
                    for candidate in images where try docker.id(of: candidate) == config { found.imageID = config }
                }
                return LocalImage(found, in: files, failure)
            }
        } catch {
            guard let images, error.code != .rejected else { throw error }
            return try await docker.build(docker.pick(image, from: images))
        }
        guard let images else {
            throw failure.error(
                .corrupt,
                reason: "it is neither an OCI archive nor one of 'docker save': it has no index.json and no manifest.json"
            )
        }
        return try await docker.build(docker.pick(image, from: images))
    }

    private func tar(_ path: String, _ failure: SourceFailure) async throws(RegistryError) -> TarArchive {
        let file = try failure.files { () throws(FileError) in try OpenFile(reading: path) }
        let status = try failure.files { () throws(FileError) in try file.status() }
        let start = try failure.files { () throws(FileError) in try file.read(at: 0, count: 6) }
        guard let form = Decompression.Form.of(start) else {
            return try failure.files { () throws(FileError) in try TarArchive(file) }
        }
        let folder = try await folder(for: path, FileRange(file: file, start: 0, size: status.size), status, form, failure)
        return try failure.files { () throws(FileError) in try TarArchive(folder.folder.file(Decompression.unpackedName)) }
    }

    private func folder(
        for path: String,
        _ range: FileRange,
        _ status: FileStatus,
        _ form: Decompression.Form,
        _ failure: SourceFailure
    ) async throws(RegistryError) -> TemporaryFolder {
        if let known = unpacked.withLock({ $0[path] }), known.status == status { return known.folder }
        let folder = try failure.files { () throws(FileError) in try TemporaryFolder() }
        try await Decompression.unpack(range, form, into: folder, failure)
        unpacked.withLock { $0[path] = Unpacked(status: status, folder: folder) }
        return folder
    }
}
