import OCI
import Planning

/// Why a change could not be made in a world: the plan is wrong.
struct ApplyFailure: Error, CustomStringConvertible {
    var description: String
}

extension World {
    /// Makes every change in the order of the edges, and holds each against its preconditions first.
    mutating func apply(_ plan: Plan) throws {
        let sorted = ChangeOrder.sorted(plan.changes)
        guard sorted.count == plan.changes.count else { throw ApplyFailure(description: "the changes wait for each other") }
        for change in sorted { try apply(change, of: plan) }
    }

    private mutating func apply(_ change: Change, of plan: Plan) throws {
        guard case .manifest(let address, let reference) = change.target else {
            throw ApplyFailure(description: "\(change.id) is not about a manifest")
        }
        if case .put = change.kind, document(address, reference)?.digest == change.newDigest { return }
        for precondition in change.preconditions where !holds(precondition, of: change, address, reference) {
            throw ApplyFailure(description: "\(change.id) is stale: \(precondition)")
        }
        switch (change.kind, reference) {
        case (.put, _):
            guard let content = change.content.flatMap(plan.content), content.digest == change.newDigest else {
                throw ApplyFailure(description: "\(change.id) has no content")
            }
            try copy(content, into: address)
            if let tag = reference.tag { repositories[address]?.tags[tag] = content.digest }
        case (.restore, _): try restore(change.newDigest ?? Digest.sha256(of: []), in: address, tag: reference.tag)
        case (.untag, .tag(let tag)): repositories[address]?.tags[tag] = nil
        case (.delete, .digest(let digest)):
            var held = repositories[address] ?? Repository()
            held.manifests[digest] = nil
            held.tags = held.tags.filter { $0.value != digest }
            repositories[address] = held
        default: throw ApplyFailure(description: "\(change.id) cannot be applied in a test")
        }
    }

    private func holds(
        _ precondition: Precondition,
        of change: Change,
        _ address: RepositoryAddress,
        _ reference: ManifestReference
    ) -> Bool {
        switch precondition {
        case .tagsOnDigest(let tags) where change.kind == .restore:
            let trashed = change.newDigest.flatMap { trash[address]?[$0] } ?? []
            return trashed.filter { repositories[address]?.tags[$0] == nil }.sorted() == tags
        case .absent: return document(address, reference) == nil
        case .inTrash(let digest): return trash[address]?[digest] != nil
        case .at(let digest):
            let held = document(address, reference)
            return held?.digest == digest || held.flatMap { UntagPlaceholder($0) }?.replaced == digest
        case .tagsOnDigest(let tags):
            return repositories[address]?.tags.filter { $0.value == reference.digest }.keys.sorted() == tags
        case .unneeded(let digest):
            let manifests = repositories[address]?.manifests.values
            return manifests?.contains { $0.index?.manifests.contains { $0.digest == digest } == true } == false
        default: return false
        }
    }

    private mutating func copy(_ content: PlannedContent, into address: RepositoryAddress) throws {
        if let manifest = content.manifest {
            let document = try ManifestDocument(bytes: Array(manifest.utf8), mediaType: content.mediaType)
            for child in document.index?.manifests ?? [] { try copy(child.digest, from: content.origin, into: address) }
            try put(document, into: address)
        } else {
            try copy(content.digest, from: content.origin, into: address)
        }
    }

    private mutating func copy(_ digest: Digest, from origin: ContentOrigin, into address: RepositoryAddress) throws {
        let found: ManifestDocument?
        switch origin {
        case .registry(let source): found = document(source, .digest(digest))
        case .local(let location): found = contents[location]?.manifests[digest]
        }
        guard let found else { throw ApplyFailure(description: "\(origin) does not hold \(digest)") }
        for child in found.index?.manifests ?? [] { try copy(child.digest, from: origin, into: address) }
        try put(found, into: address)
    }
}
