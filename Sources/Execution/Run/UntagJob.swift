internal import OCI
internal import Planning
internal import Registry

/// Removes one tag. Never becomes a delete: a registry that removes the image as well has failed.
struct UntagJob: Sendable {
    private let context: RunContext

    init(_ context: RunContext) {
        self.context = context
    }

    func run(_ change: Change) async -> ChangeResult {
        do throws(RegistryError) {
            let target = try context.target(of: change, methods: [.deleteTag, .deleteTagElsePlaceholder, .layoutEdit, .management])
            if change.method == .management { _ = try context.administration(for: change) }
            guard let tag = target.reference.tag, let old = change.oldDigest else {
                throw RunContext.unsupported(change, "the change does not say which digest the tag holds")
            }
            let found = try await context.interruptible { () async throws(RegistryError) in try await target.digest() }
            if let result = try TargetCheck(change, found: found).result(for: change) { return result }
            return await remove(tag, old, change, target)
        } catch {
            return ChangeResult(RunContext.outcome(for: error))
        }
    }

    private func remove(_ tag: TagName, _ old: Digest, _ change: Change, _ target: ManifestTarget) async -> ChangeResult {
        var write = VisibleWrite(context: context, change: change, goal: .holding(nil, at: target), before: old)
        write.afterwards = { () async throws(RegistryError) in
            guard try await target.at(.digest(old)).digest() == nil else { return }
            throw RegistryError(
                .badAnswer,
                action: "untag",
                object: "\(change.target)",
                registry: target.address.registry,
                reason: "the registry removed the image \(old) together with its tag",
                help: "restore it from a backup or its source, and report this registry"
            )
        }
        return await write.perform { () async throws(RegistryError) in
            do throws(RegistryError) {
                try await target.registry.deleteTag(tag, in: target.address.repository)
            } catch {
                guard error.code == .unsupported, change.method == .deleteTagElsePlaceholder else { throw error }
                throw RunContext.unsupported(change, "the registry cannot delete a tag, and this version of crplan makes no placeholders")
            }
        }
    }
}
