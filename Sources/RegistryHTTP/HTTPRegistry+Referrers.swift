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
        // What one finds out mostly holds for all, so that not all that are ready at the moment list their repository for it.
        let first = try await firstProbe.runAlone(id) { () async throws(RegistryError) in
            try await self.probeReferrersNow(in: repository)
        }
        if let first { return first }
        let known = memory.withLock { $0.capability(.referrersAPI, in: repository) }
        return known == .unknown ? try await probeReferrersNow(in: repository) : known
    }

    private func probeReferrersNow(in repository: RepositoryName) async throws(RegistryError) -> Capability {
        // Only a repository that exists tells: where it does not, 404 says nothing about the API.
        do throws(RegistryError) {
            let isListed = memory.withLock { $0.listed[repository] != nil }
            if !isListed, try await tags(in: repository) == nil { return .unknown }
            _ = try await referrersFromAPI(Digest.sha256(of: []), repository)
        } catch {
            guard error.code == .unauthorized || error.code == .denied else { throw error }
            return .unknown
        }
        return memory.withLock { $0.capability(.referrersAPI, in: repository) }
    }

    /// `nil`: the registry has no such API, or does not know the repository.
    func referrersFromAPI(_ digest: Digest, _ repository: RepositoryName) async throws(RegistryError) -> [Descriptor]? {
        if memory.withLock({ $0.capability(.referrersAPI, in: repository) }) == .unknown {
            // Where there is no such API, one request finds that out, and not all that are ready at the moment.
            let first = try await firstReferrers.runAlone(id) { () async throws(RegistryError) in
                try await self.askForReferrers(of: digest, in: repository)
            }
            if let first { return first }
        }
        return try await askForReferrers(of: digest, in: repository)
    }

    private func askForReferrers(of digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> [Descriptor]? {
        if memory.withLock({ $0.capability(.referrersAPI, in: repository) }) == .no { return nil }
        let purpose = purpose("read the referrers of", repository, "@\(digest)")
        let first = address(repository, "referrers/\(digest)")
        var pagination = Pagination(first: first)
        var found: [Descriptor] = []
        var seen: Set<Digest> = []
        var address = first
        while true {
            var request = RegistryRequest(
                method: .GET,
                address: address,
                purpose: purpose,
                headers: ["accept": MediaType.ociIndex],
                scopes: [.pull(repository)]
            )
            request.bodyLimit = ManifestDocument.largestSize
            let response = try await exchange.send(request)
            if address == first, try response.isAbsence(purpose) {
                if !response.error.contains("NAME_UNKNOWN", "MANIFEST_UNKNOWN") { learn(.referrersAPI, .no, nil) }
                return nil
            }
            guard response.isSuccess else { throw await exchange.error(for: response, purpose) }
            guard let index = (try? ManifestDocument(bytes: response.bytes, mediaType: MediaType.ociIndex))?.index else {
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
}
