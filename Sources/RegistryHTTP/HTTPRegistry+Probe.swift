internal import NIOHTTP1
package import OCI
internal import Registry

extension HTTPRegistry {
    package func probe(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability {
        let known = try await capability(feature, in: repository)
        guard known == .unknown else { return known }
        let isAble: Bool
        switch feature {
        case .deleteTag: isAble = try await canDeleteTags(in: repository)
        case .deleteManifest: isAble = try await canDeleteManifests(in: repository)
        case .referrersAPI, .listRepositories, .listDigests, .mountBlob: return .unknown
        }
        learn(feature, isAble ? .yes : .no, repository)
        return isAble ? .yes : .no
    }

    /// Every way that `deleteTag` would go is tried on a tag that is not there.
    private func canDeleteTags(in repository: RepositoryName) async throws(RegistryError) -> Bool {
        let purpose = purpose("delete a tag in", repository)
        let tag = TagName.probe(Self.absentDigest())
        var tried: [TagDeletionWay] = []
        while let way = nextWay(after: tried) {
            tried.append(way)
            guard var request = try await request(to: way, tag, repository, purpose) else { continue }
            // That the tag is not there after a lost answer says nothing here.
            request.repetition = .always
            let response = try await exchange.send(request)
            response.finish()
            let isStartPage = meaning(of: response, by: way) == .lookAtTag && response.isSuccess
            if !isStartPage, try await tells(response, .tag(tag), repository, purpose) { return true }
        }
        return false
    }

    private func canDeleteManifests(in repository: RepositoryName) async throws(RegistryError) -> Bool {
        let purpose = purpose("delete a manifest in", repository)
        let reference = ManifestReference.digest(Self.absentDigest())
        var request = manifestRequest(.DELETE, reference, repository, purpose)
        request.headers = [:]
        request.scopes = [.deletion(in: repository, at: exchange.watch.signs.vendor)]
        let response = try await exchange.send(request)
        response.finish()
        return try await tells(response, reference, repository, purpose)
    }

    /// Whether the answer to the deletion of something absent says that it can be deleted. Throws what says neither.
    private func tells(
        _ response: RegistryResponse,
        _ reference: ManifestReference,
        _ repository: RepositoryName,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Bool {
        switch ProbeAnswer(status: response.status, response.error) {
        case .able: return true
        case .unable: return false
        case .asForReading: return try await isAbsentWithoutCode(reference, repository, purpose)
        case .refused: throw await exchange.error(for: response, purpose)
        }
    }

    /// Whether the registry gives no code either when something absent is read; one that does would have given it, had it known the request.
    private func isAbsentWithoutCode(
        _ reference: ManifestReference,
        _ repository: RepositoryName,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Bool {
        var request = manifestRequest(.GET, reference, repository, purpose)
        request.isPull = false
        let response = try await exchange.send(request)
        response.finish()
        return response.status == 404 && response.error.code == nil
    }

    private static func absentDigest() -> Digest {
        Digest.sha256(of: (0..<32).map { _ in UInt8.random(in: .min ... .max) })
    }
}
