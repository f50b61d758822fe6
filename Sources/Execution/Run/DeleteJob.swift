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
                let target = try context.target(of: change, methods: [.deleteManifest, .layoutEdit, .management])
                if change.method == .management { _ = try context.administration(for: change) }
                targets.append((change, target))
            } catch {
                context.finish(change, .failed(error))
            }
        }
        guard let first = targets.first?.target else { return }
        do throws(RegistryError) {
            let inventory = try await read(targets.map(\.change), first)
            let verdicts = RemovalCheck.verdicts(targets.map(\.change), inventory)
            let writes = targets.compactMap { write($0.change, $0.target, verdicts[$0.change.id] ?? .unknown) }
            await deleteTogether(writes.filter { $0.change.method == .management }, first)
            _ = await concurrently(writes.filter { $0.change.method != .management }, limit: 8) { write in
                context.finish(write.change, await delete(write, first))
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

    /// Nil: nothing is to be written, which is reported.
    private func write(_ change: Change, _ target: ManifestTarget, _ verdict: RemovalCheck.Verdict) -> VisibleWrite? {
        switch verdict {
        case .atGoal: context.finish(change, .unchanged)
        case .stale(let expected, let found): context.finish(change, .stale(expected: expected, found: found))
        case .unknown:
            context.finish(change, .failed(RunContext.unsupported(change, "this version of crplan cannot check its preconditions")))
        case .mayDelete(let tags):
            let digest = target.reference.digest
            return VisibleWrite(context: context, change: change, goal: .holding(nil, at: target), before: digest, tags: tags)
        }
        return nil
    }

    private func delete(_ write: VisibleWrite, _ target: ManifestTarget) async -> ChangeResult {
        guard let digest = write.before else { return ChangeResult(.failed(RunContext.unsupported(write.change))) }
        return await write.perform { () async throws(RegistryError) in
            do throws(RegistryError) {
                try await target.registry.deleteManifest(digest, in: target.address.repository)
            } catch {
                // Somebody else was faster: the goal is reached, which the proof will show.
                if error.code != .notFound { throw error }
            }
        }
    }

    /// By one call of the management API, which answers for each image.
    private func deleteTogether(_ writes: [VisibleWrite], _ target: ManifestTarget) async {
        guard !writes.isEmpty, let administration = target.registry.administration else { return }
        let images = writes.compactMap { write in write.before.map { (write.change.id, ImageName(target.address.repository, $0)) } }
        let results = await VisibleWrite.perform(writes, in: context) {
            let answers = await administration.deleteImages(images.map(\.1))
            var failures: [ChangeID: RegistryError] = [:]
            for (id, image) in images {
                // Somebody else was faster: the goal is reached, which the proof will show.
                if let failure = answers[image] ?? nil, failure.code != .notFound { failures[id] = failure }
            }
            return failures
        }
        for (write, result) in zip(writes, results) { context.finish(write.change, result) }
    }
}
