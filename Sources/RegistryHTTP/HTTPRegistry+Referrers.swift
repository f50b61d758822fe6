internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
package import OCI
package import Registry
internal import Synchronization

extension HTTPRegistry {
    package func referrers(of digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Referrers {
        if let descriptors = try await referrersFromAPI(digest, repository) { return Referrers(descriptors, source: .api) }
        let purpose = purpose("read the referrers of", repository, "@\(digest)")
        let index = try await fallbackIndex(digest, repository, purpose)
        return Referrers(index?.descriptors ?? [], source: .fallbackTag)
    }

    func probeReferrers(in repository: RepositoryName) async throws(RegistryError) -> Capability {
        // Only a repository that exists tells: where it does not, 404 says nothing about the API.
        do throws(RegistryError) {
            guard try await tags(in: repository) != nil else { return .unknown }
            _ = try await referrersFromAPI(Digest.sha256(of: []), repository)
        } catch {
            guard error.code == .unauthorized || error.code == .denied else { throw error }
            return .unknown
        }
        return memory.withLock { $0.capability(.referrersAPI, in: repository) }
    }

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
        let key = SubjectKey(repository: repository, subject: subject)
        let descriptor = entry
        // One at a time per subject; whoever waited for another's entry then adds its own.
        while try await subjects.runAlone(
            key,
            { () async throws(RegistryError) in
                try await self.addToFallback(descriptor, subject, repository)
                return true
            }
        ) == nil {}
    }

    /// `nil`: the registry has no such API, or does not know the repository.
    private func referrersFromAPI(_ digest: Digest, _ repository: RepositoryName) async throws(RegistryError) -> [Descriptor]? {
        if memory.withLock({ $0.capability(.referrersAPI, in: repository) }) == .no { return nil }
        let purpose = purpose("read the referrers of", repository, "@\(digest)")
        let first = address(repository, "referrers/\(digest)")
        var pagination = Pagination(first: first)
        var found: [Descriptor] = []
        var seen: Set<Digest> = []
        var address = first
        while true {
            let response = try await exchange.send(
                RegistryRequest(
                    method: .GET,
                    address: address,
                    purpose: purpose,
                    headers: ["accept": MediaType.ociIndex],
                    scopes: [.pull(repository)]
                )
            )
            if response.status == 404, address == first {
                if !response.error.contains("NAME_UNKNOWN", "MANIFEST_UNKNOWN") { learn(.referrersAPI, .no, nil) }
                return nil
            }
            guard response.isSuccess else { throw await exchange.error(for: response, purpose) }
            let bytes = try await response.collect(upTo: ManifestDocument.largestSize, purpose)
            guard let index = (try? ManifestDocument(bytes: bytes, mediaType: MediaType.ociIndex))?.index else {
                throw purpose.error(.badAnswer, status: response.status, "the answer is not an index")
            }
            learn(.referrersAPI, .yes, nil)
            let new = index.manifests.filter { seen.insert($0.digest).inserted }
            found += new
            switch pagination.step(after: response.address, links: response.headers["link"], newItems: new.count) {
            case .end: return found
            case .next(let next): address = next
            case .broken(let reason): throw purpose.error(.badAnswer, reason)
            }
        }
    }

    private struct Fallback {
        var document: ManifestDocument
        var descriptors: [Descriptor]
        var annotations: [String: String]
    }

    private func fallbackIndex(
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

    /// Adds an entry, and reads the index again, since another client may have written it at the same moment.
    private func addToFallback(_ entry: Descriptor, _ subject: Digest, _ repository: RepositoryName) async throws(RegistryError) {
        let purpose = purpose("list the referrer of", repository, "@\(subject)")
        let tag = ManifestReference.tag(TagName.companion(of: subject, .referrers))
        for _ in 1...4 {
            let current = try await fallbackIndex(subject, repository, purpose)
            if let current, current.descriptors.contains(where: { $0.digest == entry.digest }) { return }
            let next = try Self.index((current?.descriptors ?? []) + [entry], current?.annotations ?? [:], purpose)
            // Somebody may have been faster.
            guard try await head(tag, in: repository)?.digest == current?.document.digest else { continue }
            try await putManifest(next, at: tag, in: repository)
        }
        let last = try await fallbackIndex(subject, repository, purpose)
        guard last?.descriptors.contains(where: { $0.digest == entry.digest }) == true else {
            throw purpose.error(.unavailable, "others keep writing the tag \(tag) at the same time", help: "run apply again")
        }
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
