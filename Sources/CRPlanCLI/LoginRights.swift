internal import OCI
internal import Registry

/// What a login may do, as far as harmless reads show it.
struct LoginRights: Sendable {
    let registry: any RegistryWriter

    /// Each repository costs a request.
    private static let mostRepositories = 20

    /// Lines for people; `named` are the repositories that the specs name there.
    func describe(_ named: [RepositoryName]) async -> [String] {
        var lines = [await listing()]
        for repository in named.prefix(Self.mostRepositories) { lines.append(await reading(repository)) }
        if named.count > Self.mostRepositories { lines.append("\(named.count - Self.mostRepositories) more repositories were not tried") }
        lines.append("whether it may push, untag or delete shows only when it does")
        return lines
    }

    private func listing() async -> String {
        do throws(RegistryError) {
            return "may list the repositories (\(try await registry.repositories().count))"
        } catch {
            return switch error.code {
            case .unsupported: "the registry does not list its repositories"
            case .denied, .unauthorized: "may not list the repositories"
            default: error.description
            }
        }
    }

    private func reading(_ repository: RepositoryName) async -> String {
        do throws(RegistryError) {
            guard let tags = try await registry.tags(in: repository) else {
                return "\(repository): not there, or not for this login to see"
            }
            return "\(repository): may be read (\(tags.count) tag\(tags.count == 1 ? "" : "s"))"
        } catch {
            return "\(repository): \(error.description)"
        }
    }
}
