internal import OCI
internal import Planning
internal import Registry

/// Deletes images of one repository by digest: lists once, compares, deletes at once.
struct DeleteJob: Sendable {
    private let context: RunContext

    init(_ context: RunContext) {
        self.context = context
    }

    /// Reports every change by itself.
    func run(_ changes: [Change]) async {
        var targets: [(change: Change, target: ManifestTarget)] = []
        for change in changes {
            do throws(RegistryError) {
                targets.append((change, try context.target(of: change, methods: [.deleteManifest, .layoutEdit])))
            } catch {
                context.finish(change, .failed(error))
            }
        }
        guard let first = targets.first?.target else { return }
        do throws(RegistryError) {
            let inventory = try await read(targets.map(\.change), first)
            let verdicts = RemovalCheck.verdicts(targets.map(\.change), inventory)
            _ = await concurrently(targets.map { ($0.change, $0.target, verdicts[$0.change.id] ?? .unknown) }, limit: 8) {
                context.finish($0.0, await delete($0.0, $0.1, $0.2))
            }
        } catch {
            for (change, _) in targets { context.finish(change, RunContext.outcome(for: error)) }
        }
    }

    private func read(_ changes: [Change], _ target: ManifestTarget) async throws(RegistryError) -> RepositoryInventory {
        let reader = InventoryReader(registry: target.registry, repository: target.address.repository)
        let candidates = Set(changes.compactMap { $0.target.reference?.digest })
        let asksForNeeds = changes.contains { $0.preconditions.contains { if case .unneeded = $0 { true } else { false } } }
        return try await context.interruptible { () async throws(RegistryError) in
            try await reader.read(candidates: candidates, asksForNeeds: asksForNeeds)
        }
    }

    private func delete(_ change: Change, _ target: ManifestTarget, _ verdict: RemovalCheck.Verdict) async -> ChangeResult {
        switch verdict {
        case .atGoal: return ChangeResult(.unchanged)
        case .stale(let expected, let found): return ChangeResult(.stale(expected: expected, found: found))
        case .unknown: return ChangeResult(.failed(RunContext.unsupported(change, "this version of crplan cannot check its preconditions")))
        case .mayDelete(let tags):
            guard let digest = target.reference.digest else { return ChangeResult(.failed(RunContext.unsupported(change))) }
            let write = VisibleWrite(context: context, change: change, target: target, before: digest, goal: nil, tags: tags)
            return await write.perform { () async throws(RegistryError) in
                do throws(RegistryError) {
                    try await target.registry.deleteManifest(digest, in: target.address.repository)
                } catch {
                    // Somebody else was faster: the goal is reached, which the proof will show.
                    if error.code != .notFound { throw error }
                }
            }
        }
    }
}
