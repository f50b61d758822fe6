internal import OCI
internal import Planning
internal import Registry

/// Puts a tag on an image of the same registry by one call of its management API, which moves no content.
struct TagCall: Sendable {
    private let context: RunContext
    private let change: Change
    private let target: ManifestTarget
    private let tag: TagName
    private let source: ImageName
    private let administration: any RegistryAdministration

    /// Nil: it does not come into question for this change. A manifest that crplan makes is nowhere yet, and a referrer has no tag.
    init?(_ context: RunContext, _ change: Change, _ target: ManifestTarget) {
        guard change.method == .tag, let tag = target.reference.tag, let content = change.content.flatMap({ context.contents[$0] }),
            content.manifest == nil, case .registry(let origin) = content.origin, origin.registry == target.address.registry,
            let administration = target.registry.administration
        else { return nil }
        self.context = context
        self.change = change
        self.target = target
        self.tag = tag
        self.administration = administration
        source = ImageName(origin.repository, content.digest)
    }

    /// A login that cannot be had is none: the ordinary way needs only that for content.
    func isAvailable() async throws(RegistryError) -> Bool {
        do throws(RegistryError) {
            return try await context.interruptible { () async throws(RegistryError) in try await administration.isAvailable() }
        } catch {
            if error.code == .cancelled { throw error }
            return false
        }
    }

    /// `before`: what the tag holds. Nil: the registry does not tag such content by itself, and nothing was written.
    func run(before: Digest?) async -> ChangeResult? {
        let goal = Goal.holding(source.digest, at: target)
        let write = VisibleWrite(context: context, change: change, goal: goal, before: before, after: source.digest)
        let result = await write.perform { () async throws(RegistryError) in
            try await administration.tag(source.digest, of: source.repository, as: tag, in: target.address.repository)
        }
        if case .failed(let error) = result.outcome, !result.hasWritten, [.unsupported, .rejected].contains(error.code) { return nil }
        return result
    }
}
