internal import FoundationEssentials
internal import Logging
internal import NIOCore
internal import NIOHTTP1
package import OCI
internal import Registry
internal import Synchronization

extension HTTPRegistry {
    private static let largestPage = 16 << 20

    package func tags(in repository: RepositoryName) async throws(RegistryError) -> [TagName]? {
        let purpose = purpose("list the tags of", repository)
        let names = try await list(address(repository, "tags/list"), { $0.tags }, scope: .pull(repository), purpose)
        guard let names else { return nil }
        return names.compactMap { name in
            if let tag = try? TagName(name) { return tag }
            logger.debug("\(id)/\(repository): passed over the tag '\(name.withVisibleControls)', which is not a valid name")
            return nil
        }.sorted()
    }

    package func repositories() async throws(RegistryError) -> [RepositoryName] {
        let purpose = Purpose(action: "list the repositories of", object: id.description, registry: id)
        let address = exchange.connections.base.appending(path: "/v2/_catalog")
        do throws(RegistryError) {
            guard let names = try await list(address, { $0.repositories }, scope: .catalog, purpose) else {
                throw purpose.error(.unsupported, status: 404, "\(id) does not list its repositories")
            }
            learn(.listRepositories, .yes, nil)
            return names.compactMap { try? RepositoryName($0) }.sorted()
        } catch {
            guard error.code == .unsupported else { throw error }
            learn(.listRepositories, .no, nil)
            throw purpose.error(
                .unsupported,
                status: error.status,
                registryCode: error.registryCode,
                "\(id) does not list its repositories",
                help: "name the repositories instead of using a glob"
            )
        }
    }

    package func deleteTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError) {
        let reference = ManifestReference.tag(tag)
        let purpose = purpose("untag", repository, reference.suffix)
        var request = manifestRequest(.DELETE, reference, repository, purpose)
        request.headers = [:]
        request.scopes = [.delete(repository)]
        request.repetition = .unlessDone { () async throws(RegistryError) in try await self.head(reference, in: repository) == nil }
        let response = try await exchange.send(request)
        switch response.status {
        case 200..<300:
            response.finish()
            if !response.wasSettled { learn(.deleteTag, .yes, repository) }
            memory.withLock { $0.tags[.init(repository: repository, tag: tag)] = .some(nil) }
        case 404:
            // Either the tag is gone, or the registry knows no such request: the tag itself decides.
            guard try await head(reference, in: repository) != nil else { return }
            throw untagUnsupported(response, purpose, repository)
        case 405,
            400 where response.error.contains("DIGEST_INVALID", "UNSUPPORTED"):
            throw untagUnsupported(response, purpose, repository)
        default: throw await exchange.error(for: response, purpose)
        }
    }

    private func untagUnsupported(_ response: RegistryResponse, _ purpose: Purpose, _ repository: RepositoryName) -> RegistryError {
        learn(.deleteTag, .no, repository)
        return purpose.error(
            .unsupported,
            status: response.status,
            registryCode: response.error.code,
            "\(id) cannot delete a single tag",
            help: "leave the tag, or delete the image by its digest, which takes all its tags"
        )
    }

    func probeCatalog() async throws(RegistryError) -> Capability {
        let purpose = Purpose(action: "list the repositories of", object: id.description, registry: id)
        let address = exchange.connections.base.appending(path: "/v2/_catalog?n=1")
        let response: RegistryResponse
        do throws(RegistryError) {
            response = try await exchange.send(RegistryRequest(method: .GET, address: address, purpose: purpose, scopes: [.catalog]))
        } catch {
            guard error.code == .unauthorized || error.code == .denied else { throw error }
            return .unknown
        }
        switch response.status {
        case 200..<300: learn(.listRepositories, .yes, nil)
        case 404, 405, 501: learn(.listRepositories, .no, nil)
        case 401, 403: return .unknown
        default: throw await exchange.error(for: response, purpose)
        }
        return memory.withLock { $0.capability(.listRepositories, in: nil) }
    }

    /// All pages of a list, without duplicates. `nil`: the first page is not there. Where a later page is missing, the entry that it was to
    /// follow was removed meanwhile; the list is then read once more from its start.
    private func list(
        _ first: WebAddress,
        _ member: (Page) -> [String?]?,
        scope: TokenScope,
        _ purpose: Purpose
    ) async throws(RegistryError) -> [String]? {
        do throws(RegistryError) {
            return try await listOnce(first, member, scope: scope, purpose)
        } catch {
            guard error.code == .notFound else { throw error }
        }
        do throws(RegistryError) {
            return try await listOnce(first, member, scope: scope, purpose)
        } catch {
            guard error.code == .notFound else { throw error }
            // Not `.notFound`, which could be taken for an answer.
            throw purpose.error(.unavailable, status: error.status, "a page in the middle of the list is missing")
        }
    }

    private func listOnce(
        _ first: WebAddress,
        _ member: (Page) -> [String?]?,
        scope: TokenScope,
        _ purpose: Purpose
    ) async throws(RegistryError) -> [String]? {
        var pagination = Pagination(first: first)
        var seen: Set<String> = []
        var names: [String] = []
        var address = first
        while true {
            let request = RegistryRequest(method: .GET, address: address, purpose: purpose, scopes: [scope])
            let response = try await exchange.send(request)
            if address == first, try response.isAbsence(purpose) { return nil }
            guard response.isSuccess else { throw await exchange.error(for: response, purpose) }
            let bytes = try await response.collect(upTo: Self.largestPage, purpose)
            guard let page = try? JSONDecoder().decode(Page.self, from: Data(bytes)) else {
                throw purpose.error(.badAnswer, status: response.status, "the answer is not a list")
            }
            let new = (member(page) ?? []).compactMap(\.self).filter { seen.insert($0).inserted }
            names += new
            switch pagination.step(after: response.address, links: response.headers["link"], newItems: new.count) {
            case .end: return names
            case .next(let next): address = next
            case .broken(let reason): throw purpose.error(.badAnswer, reason)
            }
        }
    }
}

private struct Page: Decodable {
    var tags: [String?]?
    var repositories: [String?]?
}
