internal import Inspection
internal import OCI
internal import Planning
internal import Registry
internal import Reporting
internal import Specification

/// Reads what `crplan list` shows.
struct Inventory: Sendable {
    let registries: Registries
    let inspector: Inspector
    let specs: SpecificationResult

    struct Result {
        var listing = Listing()
        var problems: [String] = []
    }

    /// Tags of one repository read at a time.
    private static let tagsAtOnce = 16

    func read(_ places: [RepositoryPrefix]) async -> Result {
        await reading(places) { place, result throws(RegistryError) in try await read(place, into: &result) }
    }

    /// What cannot be read is a problem, and the rest is shown.
    func reading(
        _ places: [RepositoryPrefix],
        _ read: (RepositoryPrefix, inout Result) async throws(RegistryError) -> Void
    ) async -> Result {
        var result = Result()
        for place in places {
            do throws(RegistryError) {
                try await read(place, &result)
            } catch {
                result.problems.append(error.description)
            }
        }
        return result
    }

    private func read(_ place: RepositoryPrefix, into result: inout Result) async throws(RegistryError) {
        let registry = try registries.registry(place.registry)
        if let path = place.path, let tags = try await registry.tags(in: path) {
            let address = RepositoryAddress(place.registry, path)
            result.listing.repositories.append(Listing.Repository(address, tags: tags.count { $0.companion == nil }))
            result.listing.tags += await read(tags, in: address)
            for image in try await managed(registry, below: place)?[path] ?? [] where image.tags.isEmpty {
                result.listing.tags.append(
                    Listing.Tag(address, tag: nil, digest: image.digest, size: image.size, created: image.created)
                )
            }
            return
        }
        if let images = try await managed(registry, below: place) {
            return try await show(images, registry, place, &result)
        }
        let repositories = try await repositories(of: registry, below: place)
        guard !repositories.isEmpty || place.path == nil else {
            throw RegistryError(
                .notFound,
                action: "list",
                object: place.description,
                registry: place.registry,
                reason: "there is no such repository"
            )
        }
        for namespace in Set(repositories.map(\.namespace)).sorted() {
            let count = repositories.count { $0.namespace == namespace }
            result.listing.namespaces.append(Listing.Namespace(registry: place.registry, name: namespace, repositories: count))
        }
        for repository in repositories {
            let tags = try await registry.tags(in: repository)
            let address = RepositoryAddress(place.registry, repository)
            result.listing.repositories.append(Listing.Repository(address, tags: tags?.count { $0.companion == nil }))
        }
    }

    private func show(
        _ images: [RepositoryName: [InventoryImage]],
        _ registry: any RegistryWriter,
        _ place: RepositoryPrefix,
        _ result: inout Result
    ) async throws(RegistryError) {
        guard let administration = registry.administration else { return }
        for name in try await administration.namespaces().map(\.name) where place.path.map({ $0.namespace == name }) ?? true {
            let count = images.keys.count { $0.namespace == name }
            result.listing.namespaces.append(Listing.Namespace(registry: place.registry, name: name, repositories: count))
        }
        for (repository, images) in images.sorted(by: { $0.key < $1.key }) {
            let tags = images.flatMap(\.tags).count { $0.companion == nil }
            result.listing.repositories.append(Listing.Repository(RepositoryAddress(place.registry, repository), tags: tags))
        }
    }

    /// Where the registry does not list its repositories, those that the specs name are shown.
    private func repositories(of registry: any RegistryWriter, below place: RepositoryPrefix) async throws(RegistryError)
        -> [RepositoryName]
    {
        let prefix = place.path.map { "\($0)/" } ?? ""
        do throws(RegistryError) {
            return try await registry.repositories().filter { $0.description.hasPrefix(prefix) }
        } catch {
            guard [.unsupported, .denied, .unauthorized, .notFound].contains(error.code) else { throw error }
            let named = Self.namedRepositories(of: place.registry, in: specs.desired).filter { $0.description.hasPrefix(prefix) }
            guard !named.isEmpty else { throw error }
            return named
        }
    }

    static func namedRepositories(of registry: RegistryID, in desired: DesiredState) -> [RepositoryName] {
        var addresses: [RepositoryAddress] = []
        for entry in desired.images {
            addresses += entry.targets
            if case .reference(let source, _) = entry.source { addresses.append(source) }
        }
        for entry in desired.copies {
            if case .repository(let source, let targets) = entry.scope { addresses += targets + [source] }
        }
        return Set(addresses.filter { $0.registry == registry }.map(\.repository)).sorted()
    }

    private func read(_ tags: [TagName], in address: RepositoryAddress) async -> [Listing.Tag] {
        await withTaskGroup(of: (Int, Listing.Tag).self) { group in
            var rows: [Int: Listing.Tag] = [:]
            let shown = tags.filter { $0.companion == nil }
            var next = 0
            while next < shown.count || rows.count < shown.count {
                while next < shown.count, next - rows.count < Self.tagsAtOnce {
                    let (index, tag) = (next, shown[next])
                    group.addTask { (index, await self.read(tag, in: address)) }
                    next += 1
                }
                guard let (index, row) = await group.next() else { break }
                rows[index] = row
            }
            return rows.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private func read(_ tag: TagName, in address: RepositoryAddress) async -> Listing.Tag {
        var row = Listing.Tag(address, tag: tag)
        guard case .head(let head)? = await fact(.head(address, .tag(tag)), &row) else { return row }
        row.digest = head.digest
        guard case .manifest(let root)? = await fact(.manifest(address, head.digest), &row) else { return row }
        var documents = [root]
        for child in root.index?.manifests ?? [] where MediaType.isManifest(child.mediaType) {
            // A child that the registry does not hold counts for nothing.
            if case .found(.manifest(let document)) = await inspector.answer(.manifest(address, child.digest)) {
                documents.append(document)
            }
        }
        var counted: Set<Digest> = []
        var size: Int64 = 0
        for part in documents.map(\.descriptor) + documents.flatMap({ $0.image?.blobs ?? [] }) where counted.insert(part.digest).inserted {
            size = size.addingReportingOverflow(part.size).overflow ? .max : size + part.size
        }
        row.size = size
        row.platforms = Set(root.index?.manifests.compactMap(\.platform).filter { $0.os != "unknown" } ?? []).sorted()
        for document in documents {
            guard let config = document.image?.config, [MediaType.ociConfig, MediaType.dockerConfig].contains(config.mediaType),
                case .config(let configuration)? = await fact(.config(address, config), &row)
            else { continue }
            row.created = [row.created, configuration.created].compactMap(\.self).max()
            if root.index == nil, let platform = configuration.platform { row.platforms = [platform] }
        }
        return row
    }

    /// `nil`, with the reason in the row, when there is no answer.
    private func fact(_ question: Question, _ row: inout Listing.Tag) async -> Fact? {
        switch await inspector.answer(question) {
        case .found(let fact): return fact
        case .absent: row.problem = "gone meanwhile"
        case .unreadable(let error): row.problem = error.description
        }
        return nil
    }
}
