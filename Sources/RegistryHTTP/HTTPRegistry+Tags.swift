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
        let listed = try await list(address(repository, "tags/list"), scope: .pull(repository), purpose) { page in
            page.tags
        } name: { text -> TagName? in
            if let tag = try? TagName(text) { return tag }
            logger.debug("\(id)/\(repository): passed over the tag '\(text.withVisibleControls)', which is not a valid name")
            return nil
        }
        memory.withLock { $0.listed[repository] = listed }
        return listed?.names
    }

    package func lacksTags(in repository: RepositoryName) async -> Bool {
        if let listed = memory.withLock({ $0.listed[repository] }) { return listed.names.isEmpty }
        let purpose = purpose("list the tags of", repository)
        let address = address(repository, "tags/list").appending(query: "n=1")
        var request = RegistryRequest(method: .GET, address: address, purpose: purpose, scopes: [.push(repository)])
        request.bodyLimit = Self.largestPage
        do throws(RegistryError) {
            let response = try await exchange.send(request)
            if try response.isAbsence(purpose) { return true }
            return response.isSuccess ? try page(response, purpose).tags?.isEmpty ?? true : false
        } catch {
            return false
        }
    }

    package func repositories() async throws(RegistryError) -> [RepositoryName] {
        let purpose = Purpose(action: "list the repositories of", object: id.description, registry: id)
        let address = exchange.connections.base.appending(path: "/v2/_catalog")
        do throws(RegistryError) {
            let listed = try await list(address, scope: .catalog, purpose) { page in
                page.repositories
            } name: { text in
                try? RepositoryName(text)
            }
            guard let listed else { throw purpose.error(.unsupported, status: 404, "\(id) does not list its repositories") }
            learn(.listRepositories, .yes, nil)
            return listed.names
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
        // It lists, but not in pages of this size.
        case 400 where response.error.contains("PAGINATION_NUMBER_INVALID"): learn(.listRepositories, .yes, nil)
        case 404, 405, 501: learn(.listRepositories, .no, nil)
        case 401, 403: return .unknown
        default: throw await exchange.error(for: response, purpose)
        }
        return memory.withLock { $0.capability(.listRepositories, in: nil) }
    }

    /// All pages of a list, without duplicates. `nil`: the first page is not there. Where a later page is missing, the entry that it was to
    /// follow was removed meanwhile; the list is then read once more from its start.
    private func list<Name: Comparable & Sendable>(
        _ first: WebAddress,
        scope: TokenScope,
        _ purpose: Purpose,
        _ member: (Page) -> [String?]?,
        name: (String) -> Name?
    ) async throws(RegistryError) -> SortedNames<Name>? {
        do throws(RegistryError) {
            return try await listOnce(first, scope: scope, purpose, member, name: name)
        } catch {
            guard error.code == .notFound else { throw error }
        }
        do throws(RegistryError) {
            return try await listOnce(first, scope: scope, purpose, member, name: name)
        } catch {
            guard error.code == .notFound else { throw error }
            // Not `.notFound`, which could be taken for an answer.
            throw purpose.error(.unavailable, status: error.status, "a page in the middle of the list is missing")
        }
    }

    private func listOnce<Name: Comparable & Sendable>(
        _ first: WebAddress,
        scope: TokenScope,
        _ purpose: Purpose,
        _ member: (Page) -> [String?]?,
        name: (String) -> Name?
    ) async throws(RegistryError) -> SortedNames<Name>? {
        var pagination = Pagination(first: first)
        var names = SortedNames<Name>()
        var address = first
        while true {
            var request = RegistryRequest(method: .GET, address: address, purpose: purpose, scopes: [scope])
            request.bodyLimit = Self.largestPage
            let response = try await exchange.send(request)
            if address == first, try response.isAbsence(purpose) { return nil }
            guard response.isSuccess else { throw await exchange.error(for: response, purpose) }
            let texts = (member(try page(response, purpose)) ?? []).compactMap(\.self)
            let valid = texts.compactMap(name)
            // A page that has only names we pass over is not a page that was there before.
            let new = names.add(valid) + texts.count - valid.count
            switch pagination.step(after: response.address, links: response.headers["link"], newItems: new) {
            case .end: return names
            case .next(let next): address = next
            case .broken(let reason): throw purpose.error(.badAnswer, reason)
            }
        }
    }

    private func page(_ response: RegistryResponse, _ purpose: Purpose) throws(RegistryError) -> Page {
        guard let page = try? JSONDecoder().decode(Page.self, from: Data(response.bytes)) else {
            throw purpose.error(.badAnswer, status: response.status, "the answer is not a list")
        }
        return page
    }
}

private struct Page: Decodable {
    var tags: [String?]?
    var repositories: [String?]?
}
