package import OCI

/// What a registry holds, as a value, with the rules of a registry that stores nothing broken. It knows nothing of transport.
package struct RegistryContents: Hashable, Sendable {
    package struct Repository: Hashable, Sendable {
        package var tags: [TagName: Digest] = [:]
        package private(set) var manifests: [Digest: ManifestDocument] = [:]
        /// The manifests that name a subject, by the subject.
        private var referrers: [Digest: Set<Digest>] = [:]
        package var blobs: [Digest: [UInt8]] = [:]
        /// The sizes of blobs whose bytes were hashed and dropped.
        package var droppedBlobs: [Digest: Int64] = [:]

        package init() {}

        /// `digest`: where a test cares about digests alone, another one than the document's own.
        package mutating func set(_ document: ManifestDocument, as digest: Digest? = nil) {
            let digest = digest ?? document.digest
            manifests[digest] = document
            if let subject = document.subject { referrers[subject.digest, default: []].insert(digest) }
        }

        /// Takes the manifest alone away; the tags on it stay. Nil: it was not there.
        @discardableResult
        package mutating func remove(_ digest: Digest) -> ManifestDocument? {
            let document = manifests.removeValue(forKey: digest)
            if let subject = document?.subject?.digest {
                referrers[subject]?.remove(digest)
                if referrers[subject]?.isEmpty == true { referrers[subject] = nil }
            }
            return document
        }

        fileprivate func referrers(of digest: Digest) -> [ManifestDocument] {
            (referrers[digest] ?? []).sorted().compactMap { manifests[$0] }
        }

        /// What `document` needs and the repository lacks. A missing subject is allowed.
        fileprivate func missing(for document: ManifestDocument) -> [Digest] {
            switch document.content {
            case .image(let image): image.blobs.map(\.digest).filter { blobs[$0] == nil && droppedBlobs[$0] == nil }
            case .index(let index): index.manifests.map(\.digest).filter { manifests[$0] == nil }
            }
        }

        fileprivate mutating func delete(_ digest: Digest) -> Bool {
            guard remove(digest) != nil else { return false }
            for tag in tags.filter({ $0.value == digest }).keys { tags[tag] = nil }
            return true
        }

        fileprivate mutating func seed(_ sample: Sample, tags names: [TagName]) {
            for (digest, bytes) in sample.blobs { blobs[digest] = bytes }
            for document in sample.manifests { set(document) }
            for tag in names { tags[tag] = sample.digest }
        }
    }

    package var repositories: [RepositoryName: Repository] = [:]

    package init() {}

    /// Why a registry refuses content: its error code and status.
    package struct Refusal: Error, Hashable, Sendable {
        package var status: Int
        package var code: String
        package var message: String
    }

    package func manifest(_ reference: ManifestReference, in repository: RepositoryName) -> ManifestDocument? {
        guard let held = repositories[repository] else { return nil }
        switch reference {
        case .digest(let digest): return held.manifests[digest]
        case .tag(let tag): return held.tags[tag].flatMap { held.manifests[$0] }
        }
    }

    /// Nil: no manifest was ever put there. Blobs alone make no repository, as in docker-registry.
    package func tags(in repository: RepositoryName) -> [TagName]? {
        guard let held = repositories[repository], !held.manifests.isEmpty || !held.tags.isEmpty else { return nil }
        return held.tags.keys.sorted()
    }

    package var repositoryNames: [RepositoryName] {
        repositories.filter { !$0.value.manifests.isEmpty || !$0.value.tags.isEmpty }.keys.sorted()
    }

    package func digests(in repository: RepositoryName) -> [Digest] { repositories[repository]?.manifests.keys.sorted() ?? [] }

    package func blob(_ digest: Digest, in repository: RepositoryName) -> [UInt8]? { repositories[repository]?.blobs[digest] }

    package func blobSize(_ digest: Digest, in repository: RepositoryName) -> Int64? {
        blob(digest, in: repository).map { Int64($0.count) } ?? repositories[repository]?.droppedBlobs[digest]
    }

    /// The manifests whose subject is `digest`, as the referrers API lists them (distribution-spec, "Listing Referrers").
    package func referrers(of digest: Digest, in repository: RepositoryName) -> [Descriptor] {
        (repositories[repository]?.referrers(of: digest) ?? []).map(Self.referrerDescriptor)
    }

    static func referrerDescriptor(_ document: ManifestDocument) -> Descriptor {
        var descriptor = document.descriptor
        switch document.content {
        case .image(let image):
            descriptor.artifactType = image.artifactType
            descriptor.annotations = image.annotations.isEmpty ? nil : image.annotations
        case .index(let index):
            descriptor.artifactType = index.artifactType
            descriptor.annotations = index.annotations.isEmpty ? nil : index.annotations
        }
        return descriptor
    }

    package mutating func putBlob(_ bytes: [UInt8], digest: Digest, in repository: RepositoryName) throws(Refusal) {
        try check(Digest.of(bytes, with: digest.algorithm), digest)
        repositories[repository, default: Repository()].blobs[digest] = bytes
    }

    /// As `putBlob`, for a blob whose bytes are not kept.
    package mutating func noteBlob(_ size: Int64, hashed: Digest, digest: Digest, in repository: RepositoryName) throws(Refusal) {
        try check(hashed, digest)
        repositories[repository, default: Repository()].droppedBlobs[digest] = size
    }

    private func check(_ got: Digest, _ wanted: Digest) throws(Refusal) {
        guard got != wanted else { return }
        throw Refusal(status: 400, code: "DIGEST_INVALID", message: "provided digest did not match uploaded content")
    }

    /// False: `source` lacks the blob.
    package mutating func mountBlob(_ digest: Digest, from source: RepositoryName, into repository: RepositoryName) -> Bool {
        guard let bytes = blob(digest, in: source) else { return false }
        repositories[repository, default: Repository()].blobs[digest] = bytes
        return true
    }

    /// Refuses a manifest whose blobs or children are not in the repository; a missing subject is allowed.
    package mutating func putManifest(
        _ document: ManifestDocument,
        at reference: ManifestReference,
        in repository: RepositoryName
    ) throws(Refusal) {
        if let digest = reference.digest, digest != document.digest {
            throw Refusal(status: 400, code: "DIGEST_INVALID", message: "provided digest did not match uploaded content")
        }
        let missing = (repositories[repository] ?? Repository()).missing(for: document)
        guard missing.isEmpty else {
            throw Refusal(
                status: document.index == nil ? 400 : 404,
                code: "MANIFEST_BLOB_UNKNOWN",
                message: "blob unknown to registry: \(missing.map(\.description).joined(separator: ", "))"
            )
        }
        repositories[repository, default: Repository()].set(document)
        if let tag = reference.tag { repositories[repository]?.tags[tag] = document.digest }
    }

    /// False: there was no such tag.
    package mutating func deleteTag(_ tag: TagName, in repository: RepositoryName) -> Bool {
        repositories[repository]?.tags.removeValue(forKey: tag) != nil
    }

    /// Removes the manifest and every tag on it; what it leads to stays. False: there was no such manifest.
    package mutating func deleteManifest(_ digest: Digest, in repository: RepositoryName) -> Bool {
        repositories[repository]?.delete(digest) ?? false
    }
}

extension RegistryContents {
    /// Holds `sample`, and `tags` on its root.
    package mutating func seed(_ sample: Sample, tags: [TagName] = [], in repository: RepositoryName) {
        repositories[repository, default: Repository()].seed(sample, tags: tags)
    }

    /// Everything that `reference` leads to and that is missing or has other bytes than its digest says; a missing tag or manifest is a
    /// finding too. Empty: it can be pulled as a whole.
    package func defects(below reference: ManifestReference, in repository: RepositoryName) -> [String] {
        guard let document = manifest(reference, in: repository) else { return ["\(repository)\(reference.suffix) is missing"] }
        guard Digest.of(document.bytes, with: document.digest.algorithm) == document.digest else {
            return ["\(document.digest) is corrupt"]
        }
        switch document.content {
        case .index(let index): return index.manifests.flatMap { defects(below: .digest($0.digest), in: repository) }
        case .image(let image):
            return image.blobs.compactMap { descriptor in
                // Its digest was checked when it came.
                if let size = repositories[repository]?.droppedBlobs[descriptor.digest] {
                    return size == descriptor.size ? nil : "blob \(descriptor.digest) is corrupt"
                }
                guard let bytes = blob(descriptor.digest, in: repository) else { return "blob \(descriptor.digest) is missing" }
                let isRight = bytes.count == descriptor.size && Digest.of(bytes, with: descriptor.digest.algorithm) == descriptor.digest
                return isRight ? nil : "blob \(descriptor.digest) is corrupt"
            }
        }
    }
}
