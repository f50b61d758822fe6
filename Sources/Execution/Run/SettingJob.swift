internal import OCI
internal import Planning
internal import Registry

/// Makes a namespace what a change sets: there, in a resource group, gone, or with another retention policy.
struct SettingJob: Sendable {
    private let context: RunContext

    init(_ context: RunContext) {
        self.context = context
    }

    func run(_ change: Change) async -> ChangeResult {
        do throws(RegistryError) {
            guard case .namespace(_, let name) = change.target, let setting = change.setting else {
                throw RunContext.unsupported(change, "the change does not say what it sets on which namespace")
            }
            let administration = try context.administration(for: change)
            let namespace = NamespaceReader(administration: administration, name: name)
            let state = try await context.interruptible { () async throws(RegistryError) in try await namespace.state(for: setting) }
            if let result = try TargetCheck(change, state).result(for: change) { return result }
            let write = VisibleWrite(context: context, change: change, goal: .set(setting, namespace))
            return await write.perform { () async throws(RegistryError) in
                switch setting {
                case .create(let group): try await administration.createNamespace(name, resourceGroup: group)
                case .assign(let group): try await administration.assignNamespace(name, resourceGroup: group)
                case .remove: try await administration.deleteNamespace(name)
                case .retention(_, let after): try await administration.setRetention(after, of: name)
                }
            }
        } catch {
            return ChangeResult(RunContext.outcome(for: error))
        }
    }
}
