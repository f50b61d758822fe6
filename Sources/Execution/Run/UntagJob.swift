internal import OCI
internal import Planning
internal import Registry

/// Removes one tag. Never becomes a delete: a registry that removes the image as well has failed.
struct UntagJob: Sendable {
    private static let methods: Set<ChangeMethod> = [.deleteTag, .deleteTagElsePlaceholder, .placeholder, .layoutEdit, .management]

    private let context: RunContext

    init(_ context: RunContext) {
        self.context = context
    }

    func run(_ change: Change) async -> ChangeResult {
        do throws(RegistryError) {
            let target = try context.target(of: change, methods: Self.methods)
            if change.method == .management { _ = try context.administration(for: change) }
            guard let tag = target.reference.tag, let old = change.oldDigest else {
                throw RunContext.unsupported(change, "the change does not say which digest the tag holds")
            }
            let sight = try await context.interruptible { () async throws(RegistryError) in try await target.sight() }
            if let result = try TargetCheck(change, found: sight.digest, standsFor: sight.standsFor).result(for: change) { return result }
            let result = await remove(tag, old, change, target)
            guard mayReplace(change, target, after: result) else { return result }
            return await PlaceholderUntag(context, change, target, old: old, found: sight.placeholder).run()
        } catch {
            return ChangeResult(RunContext.outcome(for: error))
        }
    }

    private func remove(_ tag: TagName, _ old: Digest, _ change: Change, _ target: ManifestTarget) async -> ChangeResult {
        var write = VisibleWrite(context: context, change: change, goal: .holding(nil, at: target), before: old)
        write.afterwards = { () async throws(RegistryError) in
            guard try await target.at(.digest(old)).digest() == nil else { return }
            throw PlaceholderUntag.imageIsGone(old, change)
        }
        return await write.perform { () async throws(RegistryError) in
            try await target.registry.deleteTag(tag, in: target.address.repository)
        }
    }

    /// Only where the registry has just said that it cannot delete a tag, and its probe that it can delete by digest: never after a missing
    /// right, a limit, a failure or a lost answer (oci-client reference, section 6.3).
    private func mayReplace(_ change: Change, _ target: ManifestTarget, after result: ChangeResult) -> Bool {
        guard case .failed(let error) = result.outcome, !result.hasWritten, error.code == .unsupported,
            error.status == 400 || error.status == 405
        else { return false }
        return [.placeholder, .deleteTagElsePlaceholder].contains(change.method) && context.untagWays[target.address] == .placeholder
    }
}
