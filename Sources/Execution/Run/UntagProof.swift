internal import OCI
internal import Planning
internal import Registry

/// How the tags of one repository can be removed.
enum UntagWay: Hashable, Sendable {
    case deleteTag
    /// The registry cannot delete a tag; it can delete by digest, and its spec allows a placeholder.
    case placeholder

    /// Nil: there is no way. `manifests` counts only where it was asked for, since tags cannot be deleted. An ability that no probe can
    /// show (`unknown`) is left to the untag itself, but no placeholder is ever put on trust.
    init?(tags: Capability, manifests: Capability, allowsPlaceholder: Bool) {
        switch (tags, manifests) {
        case (.yes, _), (.unknown, _): self = .deleteTag
        case (.no, .yes) where allowsPlaceholder: self = .placeholder
        case (.no, _): return nil
        }
    }
}

/// Proves, before a run writes anything, that every untag of it can be made: a registry that cannot must not show itself half way.
struct UntagProof: Sendable {
    private(set) var ways: [RepositoryAddress: UntagWay] = [:]
    /// The untags that cannot be made, and why.
    private(set) var failures: [ChangeID: RegistryError] = [:]

    /// Asks each repository once, several at a time. An interruption ends it early, without a failure: the run then begins nothing.
    init(_ context: RunContext) async {
        let untags = context.plan.changes.filter { $0.kind == .untag && $0.method.isProven }
        let repositories = Dictionary(grouping: untags, by: \.target.address).compactMap { address, changes in
            address.map { (address: $0, changes: changes) }
        }
        let results = await concurrently(repositories.sorted { $0.address < $1.address }, limit: 16) { repository in
            await Self.prove(repository.changes, in: repository.address, context)
        }
        for (address, result) in results {
            switch result {
            case .success(let way): ways[address] = way
            case .failure(let error):
                if error.code == .cancelled, context.interruption.isTriggered { continue }
                for change in untags where change.target.address == address { failures[change.id] = Self.named(error, change) }
            }
        }
    }

    private static func prove(
        _ changes: [Change],
        in address: RepositoryAddress,
        _ context: RunContext
    ) async -> (RepositoryAddress, Result<UntagWay, RegistryError>) {
        do throws(RegistryError) {
            let allowsPlaceholder = changes.allSatisfy { $0.method != .deleteTag }
            let registry = try context.registries.registry(address.registry)
            let way = try await context.interruptible { () async throws(RegistryError) -> UntagWay in
                let tags = try await registry.probe(.deleteTag, in: address.repository)
                var manifests = Capability.unknown
                if tags == .no, allowsPlaceholder { manifests = try await registry.probe(.deleteManifest, in: address.repository) }
                guard let way = UntagWay(tags: tags, manifests: manifests, allowsPlaceholder: allowsPlaceholder) else {
                    throw impossible(address, allowsPlaceholder)
                }
                return way
            }
            return (address, .success(way))
        } catch {
            return (address, .failure(error))
        }
    }

    private static func impossible(_ address: RepositoryAddress, _ allowsPlaceholder: Bool) -> RegistryError {
        let registry = address.registry
        return RegistryError(
            .unsupported,
            action: "untag",
            object: "\(address)",
            registry: registry,
            reason: "\(registry) cannot delete a single tag" + (allowsPlaceholder ? ", nor an image, which a placeholder needs" : ""),
            help: allowsPlaceholder
                ? "enable deletion in the registry, or leave the tag"
                : "leave the tag, delete the image by its digest, which takes all its tags, or allow 'untag: placeholder' for the registry"
        )
    }

    /// What holds for the repository, said of one tag of it.
    private static func named(_ error: RegistryError, _ change: Change) -> RegistryError {
        guard error.code == .unsupported else { return error }
        var error = error
        error.object = "\(change.target)"
        return error
    }

    /// The report of a run that wrote nothing, as some untags cannot be made.
    func report(on plan: Plan) -> ExecutionReport {
        let rows = plan.changes.map { change in
            let outcome = failures[change.id].map { ExecutionOutcome.failed($0) } ?? .cancelled
            return ExecutionReport.Row(change: change.id, result: ChangeResult(outcome))
        }
        return ExecutionReport(rows: rows, stopReason: "nothing is written as long as a tag of the plan cannot be removed")
    }
}

extension ChangeMethod {
    /// An untag over the distribution API, where registries differ in what they can.
    fileprivate var isProven: Bool { [.deleteTag, .placeholder, .deleteTagElsePlaceholder].contains(self) }
}
