internal import NIOCore
internal import NIOHTTP1
package import OCI
internal import Registry
internal import Synchronization

extension HTTPRegistry {
    package func deleteTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError) {
        let purpose = purpose("untag", repository, ManifestReference.tag(tag).suffix)
        var tried: [TagDeletionWay] = []
        var refusal: RegistryResponse?
        while let way = nextWay(after: tried) {
            tried.append(way)
            guard let request = try await request(to: way, tag, repository, purpose) else { continue }
            let response = try await exchange.send(request)
            // Whatever follows needs the slot.
            response.finish()
            switch meaning(of: response, by: way) {
            case .accepted:
                hasRemoved(tag, repository, by: response.wasSettled ? nil : way)
                return
            case .lookAtTag:
                guard try await head(.tag(tag), in: repository) != nil else { return }
            case .unsupported: break
            case .refused: throw await exchange.error(for: response, purpose)
            }
            refusal = response
        }
        learn(.deleteTag, .no, repository)
        let vendor = exchange.watch.signs.vendor
        throw purpose.error(
            .unsupported,
            status: refusal?.status,
            registryCode: refusal?.error.code,
            "\(id) cannot delete a single tag",
            help: Self.help(vendor) ?? "leave the tag, or delete the image by its digest, which takes all its tags"
        )
    }

    /// Who the registry is may come out with the first answer, so the ways are looked up anew before each try.
    func nextWay(after tried: [TagDeletionWay]) -> TagDeletionWay? {
        let known = memory.withLock(\.tagDeletionWay).map { [$0] } ?? []
        return (known + TagDeletionWay.ways(for: exchange.watch.signs.vendor)).first { !tried.contains($0) }
    }

    /// `nil`: this way is not open to us.
    func request(
        to way: TagDeletionWay,
        _ tag: TagName,
        _ repository: RepositoryName,
        _ purpose: Purpose
    ) async throws(RegistryError) -> RegistryRequest? {
        let seen = memory.withLock { $0.tags[.init(repository: repository, tag: tag)] ?? nil }
        guard let path = way.path(tag, repository, at: seen) else { return nil }
        if way.needsPassword, try await exchange.authorizer.password(for: purpose) == nil { return nil }
        return RegistryRequest(
            method: .DELETE,
            address: exchange.connections.base.appending(path: path),
            purpose: purpose,
            scopes: [.deletion(in: repository, at: exchange.watch.signs.vendor)],
            repetition: .unlessDone { () async throws(RegistryError) in try await self.head(.tag(tag), in: repository) == nil },
            login: way.needsPassword ? .password : .challenged
        )
    }

    func meaning(of response: RegistryResponse, by way: TagDeletionWay) -> TagDeletion {
        let isPage = MediaType.essence(of: response.contentType ?? "") == "text/html"
        // Where there is no such API, a web front answers with its start page.
        if way != .distribution, response.isSuccess, isPage { return .lookAtTag }
        return TagDeletion(status: response.status, response.error)
    }

    /// `way`: `nil` when only a look at the tag told that it is gone.
    private func hasRemoved(_ tag: TagName, _ repository: RepositoryName, by way: TagDeletionWay?) {
        memory.withLock { memory in
            memory.tags[.init(repository: repository, tag: tag)] = .some(nil)
            guard let way else { return }
            memory.tagDeletionWay = way
            memory.learn(.deleteTag, .yes, in: repository)
        }
    }

    private static func help(_ vendor: RegistryVendor?) -> String? {
        switch vendor {
        case .quay:
            "this Quay is older than August 2024 and removes tags only by its own API with an OAuth token; update it, or remove the tag in its web page"
        case .harbor: "Harbor removes a tag by its own API, which needs a login with user name and password"
        case .gitLab: "this GitLab removes tags only by its own API; update it, or remove the tag in its web page"
        case .azure, nil: nil
        }
    }
}
