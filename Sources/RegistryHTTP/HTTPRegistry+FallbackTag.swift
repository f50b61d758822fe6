internal import FoundationEssentials
internal import NIOHTTP1
internal import OCI
internal import Registry
internal import Synchronization

extension HTTPRegistry {
    /// Sees to it that a manifest which was just put is among the referrers of its subject. Where the registry does not do that, the
    /// fallback tag's index is ours to keep (distribution-spec, "Referrers Tag Schema").
    func listReferrer(
        _ document: ManifestDocument,
        of subject: Digest,
        in repository: RepositoryName,
        registryKeepsIt: Bool
    ) async throws(RegistryError) {
        if registryKeepsIt {
            // Some registries promise it and have no API to show it by.
            let isConfirmed = memory.withLock { $0.capability(.referrersAPI, in: repository) } == .yes
            if isConfirmed { return }
            if try await referrersFromAPI(subject, repository) != nil { return }
        }
        var entry = document.descriptor
        switch document.content {
        case .image(let image):
            entry.artifactType = image.artifactType
            entry.annotations = image.annotations.isEmpty ? nil : image.annotations
        case .index(let index):
            entry.artifactType = index.artifactType
            entry.annotations = index.annotations.isEmpty ? nil : index.annotations
        }
        let descriptor = entry
        let purpose = purpose("list the referrer of", repository, "@\(subject)")
        try await changeFallback(of: subject, in: repository, purpose) { entries in
            entries.contains { $0.digest == descriptor.digest } ? nil : entries + [descriptor]
        }
    }

    /// A manifest that is about to be deleted, since its subject's fallback list may name it, and Docker's registry may leave its tags behind;
    /// `nil` where the registry has the referrers API: it is another one, and keeps the list itself. A manifest that cannot be read keeps
    /// nobody from deleting it.
    func documentBeforeDeletion(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> ManifestDocument? {
        guard memory.withLock({ $0.capability(.referrersAPI, in: repository) }) != .yes else { return nil }
        do throws(RegistryError) {
            return try await manifest(.digest(digest), in: repository)
        } catch {
            guard error.code != .cancelled else { throw error }
            return nil
        }
    }

    /// Takes a deleted manifest out of its subject's fallback list.
    func forgetReferrer(_ digest: Digest, of subject: Digest, in repository: RepositoryName) async throws(RegistryError) {
        let purpose = purpose("take a deleted referrer off the list of", repository, "@\(subject)")
        try await changeFallback(of: subject, in: repository, purpose) { entries in
            entries.contains { $0.digest == digest } ? entries.filter { $0.digest != digest } : nil
        }
    }

    struct Fallback {
        var document: ManifestDocument
        var descriptors: [Descriptor]
        var annotations: [String: String]
    }

    func fallbackIndex(
        _ subject: Digest,
        _ repository: RepositoryName,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Fallback? {
        let tag = TagName.companion(of: subject, .referrers)
        guard let document = try await manifest(.tag(tag), in: repository) else { return nil }
        guard let index = document.index else {
            throw purpose.error(.corrupt, "the tag \(tag) should hold the list of referrers, but holds something else")
        }
        return Fallback(document: document, descriptors: index.manifests, annotations: index.annotations)
    }

    /// Changes the list; `change` gives `nil` when there is nothing to do. One at a time per subject in this process; another client may write it
    /// at the same moment, so it is read again afterwards.
    private func changeFallback(
        of subject: Digest,
        in repository: RepositoryName,
        _ purpose: Purpose,
        _ change: @escaping @Sendable ([Descriptor]) -> [Descriptor]?
    ) async throws(RegistryError) {
        let key = SubjectKey(repository: repository, subject: subject)
        // Whoever waited for another's change then makes its own.
        while try await subjects.runAlone(
            key,
            { () async throws(RegistryError) in
                try await self.changeFallbackAlone(subject, repository, purpose, change)
                return true
            }
        ) == nil {}
    }

    private func changeFallbackAlone(
        _ subject: Digest,
        _ repository: RepositoryName,
        _ purpose: Purpose,
        _ change: @Sendable ([Descriptor]) -> [Descriptor]?
    ) async throws(RegistryError) {
        let tag = ManifestReference.tag(TagName.companion(of: subject, .referrers))
        for _ in 1...4 {
            let current = try await fallbackIndex(subject, repository, purpose)
            guard let entries = change(current?.descriptors ?? []) else { return }
            let next = try Self.index(entries, current?.annotations ?? [:], purpose)
            // Somebody may have been faster.
            guard try await head(tag, in: repository)?.digest == current?.document.digest else { continue }
            try await putManifest(next, at: tag, in: repository)
        }
        guard change(try await fallbackIndex(subject, repository, purpose)?.descriptors ?? []) != nil else { return }
        throw purpose.error(.unavailable, "others keep writing \(tag) at the same time", help: "run apply again")
    }

    private static func index(
        _ manifests: [Descriptor],
        _ annotations: [String: String],
        _ purpose: Purpose
    ) throws(RegistryError) -> ManifestDocument {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = IndexBody(manifests: manifests, annotations: annotations.isEmpty ? nil : annotations)
        do {
            return try ManifestDocument(bytes: Array(try encoder.encode(body)), mediaType: MediaType.ociIndex)
        } catch {
            throw purpose.error(.corrupt, "the list of referrers cannot be written")
        }
    }
}

private struct IndexBody: Encodable {
    var schemaVersion = 2
    var mediaType = MediaType.ociIndex
    var manifests: [Descriptor]
    var annotations: [String: String]?
}
