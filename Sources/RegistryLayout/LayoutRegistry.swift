internal import Files
package import OCI
internal import Synchronization

/// A directory of OCI image layouts as a registry: `<root>/<repository>/{oci-layout,index.json,blobs}` (image-spec, image-layout.md).
/// Tags are `org.opencontainers.image.ref.name` annotations. Other tools read each folder as it is, and may write it while crplan does not.
/// A root that does not exist is an empty registry; the first write makes it.
package final class LayoutRegistry: Sendable {
    package let id: RegistryID
    /// A file path, absolute or from the working directory.
    package let root: String
    private let repositories = Mutex<[RepositoryName: LayoutRepository]>([:])
    /// So many repositories are kept open at most, each with the folders of its blobs: a process may have few files open.
    private static let mostOpenRepositories = 100

    package init(id: RegistryID, root: String) {
        self.id = id
        self.root = root
    }

    /// Throws `.rejected` for a repository whose folder would stand within another layout's own files.
    func repository(_ name: RepositoryName) throws(RegistryError) -> LayoutRepository {
        if let reserved = name.components.first(where: { ["blobs", "oci-layout", "index.json"].contains($0) }) {
            throw RegistryError(
                .rejected,
                action: "use",
                object: "\(id)/\(name)",
                registry: id,
                reason: "'\(reserved)' is a name of the image layout's own files",
                help: "choose another repository"
            )
        }
        return repositories.withLock { known in
            if let repository = known[name] { return repository }
            let keepsOpen = known.count < Self.mostOpenRepositories
            let made = LayoutRepository(LayoutFolder(root: root, registry: id, repository: name, keepsOpen: keepsOpen))
            known[name] = made
            return made
        }
    }
}
