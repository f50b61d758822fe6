internal import Files
internal import OCI
internal import Registry

/// The OCI view of a folder or archive (image-spec, image-layout.md).
struct LayoutImage {
    private static let deepestIndex = 8
    private static let mostManifests = 10_000
    private static let largestIndex = 64 << 20
    private static let nameAnnotations = ["org.opencontainers.image.ref.name", "io.containerd.image.name"]

    let files: any ImageFiles
    let failure: SourceFailure

    /// `nil`: neither mark of a layout is there.
    func find(_ wanted: String?) throws(RegistryError) -> ContentInspection? {
        let mark = try files.json("oci-layout", failure)
        guard let index = try files.json("index.json", limit: Self.largestIndex, failure) else {
            guard mark != nil else { return nil }
            throw failure.error(.corrupt, reason: "it has no index.json")
        }
        guard let mark else { throw failure.error(.corrupt, reason: "it has an index.json, but no file oci-layout") }
        guard mark["imageLayoutVersion"]?.string == "1.0.0" else {
            throw failure.error(.corrupt, reason: "its file oci-layout does not name version 1.0.0 of the image layout")
        }
        let candidates = try candidates(index)
        let descriptor = try ImageName.pick(wanted, from: candidates, failure)
        return try read(descriptor)
    }

    private func candidates(_ index: JSONValue) throws(RegistryError) -> [ImageName.Candidate<Descriptor>] {
        var found: [ImageName.Candidate<Descriptor>] = []
        for entry in index["manifests"]?.array ?? [] {
            let text = entry["digest"]?.string ?? ""
            guard let digest = try? Digest(text), case .integer(let size)? = entry["size"], size >= 0 else {
                throw failure.error(.corrupt, reason: "its index.json has an entry without a valid digest and size ('\(text)')")
            }
            let descriptor = Descriptor(mediaType: entry["mediaType"]?.string ?? "", digest: digest, size: size)
            let names = Self.nameAnnotations.compactMap { entry["annotations"]?[$0]?.string }
            found.append(ImageName.Candidate(names: names, digest: digest, value: descriptor))
        }
        return found
    }

    /// Reads every manifest below `top`, and looks for every blob.
    private func read(_ top: Descriptor) throws(RegistryError) -> ContentInspection {
        var manifests: [Digest: ManifestDocument] = [:]
        var missing: [String] = []
        var open = [(descriptor: top, depth: 0)]
        var seen: Set<Digest> = [top.digest]
        var root: ManifestDocument?
        while let (descriptor, depth) = open.popLast() {
            guard depth <= Self.deepestIndex, manifests.count < Self.mostManifests else {
                throw failure.error(.corrupt, reason: "its indexes lead too deep, or to more than \(Self.mostManifests) manifests")
            }
            guard let document = try manifest(descriptor, isTop: depth == 0) else {
                if try !hasBlob(descriptor) { missing.append("\(descriptor.digest)") }
                continue
            }
            manifests[document.digest] = document
            if depth == 0 { root = document }
            for blob in document.image?.blobs ?? [] where seen.insert(blob.digest).inserted {
                if try !hasBlob(blob) { missing.append("\(blob.digest)") }
            }
            for child in document.index?.manifests ?? [] where seen.insert(child.digest).inserted { open.append((child, depth + 1)) }
        }
        guard missing.isEmpty, let root else {
            let what =
                missing.count == 1 ? "a file that the image needs is missing" : "\(missing.count) files that the image needs are missing"
            throw failure.error(.corrupt, reason: "\(what): \(SourceFailure.list(missing))")
        }
        return ContentInspection(root: root, manifests: manifests, imageID: nil)
    }

    /// `nil`: not there, or a child that is no manifest.
    private func manifest(_ descriptor: Descriptor, isTop: Bool) throws(RegistryError) -> ManifestDocument? {
        let mustBeManifest = isTop || MediaType.isManifest(descriptor.mediaType) || MediaType.schema1.contains(descriptor.mediaType)
        guard mustBeManifest || descriptor.size <= ManifestDocument.largestSize else { return nil }
        guard let range = try failure.files({ () throws(FileError) in try files.find(descriptor.digest.blobName) }) else { return nil }
        let bytes = try failure.files { () throws(FileError) in try range.bytes(limit: ManifestDocument.largestSize) }
        guard Digest.of(bytes, with: descriptor.digest.algorithm) == descriptor.digest, Int64(bytes.count) == descriptor.size else {
            throw failure.error(.corrupt, reason: "the manifest \(descriptor.digest) has other bytes than its digest and size say")
        }
        do throws(ManifestDocument.Invalid) {
            let type = descriptor.mediaType.isEmpty ? nil : descriptor.mediaType
            return try ManifestDocument(bytes: bytes, mediaType: type, algorithm: descriptor.digest.algorithm)
        } catch {
            guard mustBeManifest else { return nil }
            throw failure.error(.corrupt, reason: "the manifest \(descriptor.digest) cannot be used: \(error)")
        }
    }

    private func hasBlob(_ descriptor: Descriptor) throws(RegistryError) -> Bool {
        guard let range = try failure.files({ () throws(FileError) in try files.find(descriptor.digest.blobName) }) else { return false }
        guard range.size == descriptor.size else {
            throw failure.error(.corrupt, reason: "blob \(descriptor.digest) has \(range.size) bytes, not \(descriptor.size)")
        }
        return true
    }
}
