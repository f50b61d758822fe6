internal import OCI
internal import RegistryTestSupport

/// What happens to images (reference of ICR, sections E.1 and E.2).
extension ICRInstance {
    /// The digest that went to the trash with all its tags of that repository; other repositories keep theirs.
    mutating func delete(_ reference: ImageReference, at now: Double, _ switches: ICRSwitches) throws(ICRProblem) -> Digest {
        guard let document = contents.manifest(reference.manifest, in: reference.repository), !isPublic(reference.namespace) else {
            throw .unknown("The image", switches.unknownImageStatus)
        }
        if let problem = refusedDeletions[document.digest] { throw problem }
        willChange(switches)
        moveToTrash(document, in: reference.repository, at: now, switches)
        return document.digest
    }

    mutating func moveToTrash(_ document: ManifestDocument, in repository: RepositoryName, at now: Double, _ switches: ICRSwitches) {
        let tags = contents.repositories[repository]?.tags.filter { $0.value == document.digest }.keys.map(\.self) ?? []
        _ = contents.deleteManifest(document.digest, in: repository)
        let key = TrashKey(repository: repository, digest: document.digest)
        let former = trash[key]
        let deleted = switches.secondDeletionRestartsExpiry ? now : former?.deleted ?? now
        trash[key] = Trashed(document: document, tags: (former?.tags ?? []).union(tags), deleted: deleted)
    }

    /// The image stays, with or without other tags.
    mutating func untag(_ reference: ImageReference, _ switches: ICRSwitches) throws(ICRProblem) -> Digest {
        guard let tag = reference.tag else { throw .badRequest("The image name must include a tag.") }
        guard let digest = contents.repositories[reference.repository]?.tags[tag], !isPublic(reference.namespace) else {
            throw .unknown("The tag", switches.unknownImageStatus)
        }
        willChange(switches)
        _ = contents.deleteTag(tag, in: reference.repository)
        return digest
    }

    /// Puts a tag on an image, perhaps in another repository: a former tag is overwritten, the repository comes into being, and an index
    /// brings its children.
    mutating func tag(_ source: ImageReference, as target: ImageReference, _ switches: ICRSwitches) throws(ICRProblem) {
        guard let tag = target.tag else { throw .badRequest("The target image name must include a tag.") }
        guard let document = contents.manifest(source.manifest, in: source.repository) else {
            throw .unknown("The source image", switches.unknownImageStatus)
        }
        guard namespaces[target.namespace] != nil else { throw .notAuthorized }
        if let problem = refusedTaggings[document.digest] { throw problem }
        if switches.taggingChecksQuota, isStorageUsedUp { throw Self.storageUsedUp }
        let family = try self.family(of: document, in: source.repository, switches)
        willChange(switches)
        for member in family {
            contents.repositories[target.repository, default: .init()].set(member)
            for blob in member.image?.blobs ?? [] {
                if let bytes = contents.blob(blob.digest, in: source.repository) {
                    contents.repositories[target.repository]?.blobs[blob.digest] = bytes
                }
            }
        }
        contents.repositories[target.repository]?.tags[tag] = document.digest
    }

    /// A manifest, and below it everything that an index names.
    private func family(
        of document: ManifestDocument,
        in repository: RepositoryName,
        _ switches: ICRSwitches
    ) throws(ICRProblem) -> [ManifestDocument] {
        var result: [ManifestDocument] = []
        for child in document.index?.manifests ?? [] {
            guard let found = contents.manifest(.digest(child.digest), in: repository) else {
                throw ICRProblem(
                    switches.untaggableStatus,
                    "CRI0304E",
                    "The manifest list refers to the image \(child.digest), which does not exist."
                )
            }
            result += try family(of: found, in: repository, switches)
        }
        return result + [document]
    }

    static let storageUsedUp = ICRProblem(403, "CRX0403E", "Your account has exceeded its image storage quota for the current month.")
}
