internal import OCI
internal import Planning
internal import Registry

/// Brings an image back from the registry's trash: by digest with those of its tags that are free, or under one tag.
struct RestoreJob: Sendable {
    private let context: RunContext

    init(_ context: RunContext) {
        self.context = context
    }

    func run(_ change: Change) async -> ChangeResult {
        do throws(RegistryError) {
            let administration = try context.administration(for: change)
            let target = try context.target(of: change, methods: [.management])
            let repository = target.address.repository
            let live = try await context.interruptible { () async throws(RegistryError) in try await target.digest() }
            if live != nil, live == change.newDigest { return ChangeResult(.unchanged) }
            let trash = try await context.interruptible { () async throws(RegistryError) in
                try await administration.trash(of: repository.namespace)
            }
            let entry = trash.first { $0.repository == repository && $0.digest == change.newDigest }
            let heads = try await concurrentlyTrying(entry?.tags ?? [], limit: 16) { tag async throws(RegistryError) in
                try await target.at(.tag(tag)).digest()
            }
            let free = zip(entry?.tags ?? [], heads).filter { $0.1 == nil }.map(\.0)
            let check = TargetCheck(restoring: change, live: live, trash: trash, free: free.sorted())
            if let result = try check.result(for: change) { return result }
            let goal = Goal.holding(change.newDigest, at: target)
            let write = VisibleWrite(context: context, change: change, goal: goal, before: live, after: change.newDigest)
            return await write.perform { () async throws(RegistryError) in
                switch target.reference {
                // Tags that are taken meanwhile stay as they are: that is no failure.
                case .digest(let digest): _ = try await administration.restore(digest, in: repository)
                case .tag(let tag): try await administration.restoreTag(tag, in: repository)
                }
            }
        } catch {
            return ChangeResult(RunContext.outcome(for: error))
        }
    }
}
