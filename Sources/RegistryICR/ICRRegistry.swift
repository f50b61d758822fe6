package import Logging
package import OCI
package import Registry
package import RegistryHTTP
internal import Synchronization

/// One of IBM's registries: content over the distribution API, everything else over the management API where there is a login for it
/// (design, section 7). Without one, tags are listed over the distribution API and nothing can be removed.
package final class ICRRegistry: RegistryWriter {
    package let id: RegistryID
    let content: HTTPRegistry
    let management: ManagementClient
    let logger: Logger
    /// Whether a list that was restricted to a place named without the host has found something.
    let knowsPlaceForm = Atomic(false)

    /// `account`: 32 hex digits, from the spec; `nil`: the login's own.
    package init(content: HTTPRegistry, management: any ServiceSending, login: IAMLogin, account: String?, logger: Logger) {
        id = content.id
        self.content = content
        self.logger = logger
        self.management = ManagementClient(id: content.id, account: account, login: login, service: management)
    }

    package func shutdown() async {
        await content.shutdown()
        await management.service.shutdown()
        await management.login.shutdown()
    }

    package var pulls: PullAllowance? { content.pulls }

    package func requestExecutor() -> (any TaskExecutor)? { content.requestExecutor() }

    // MARK: Content

    package func head(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestHead? {
        try await reading(repository) { () async throws(RegistryError) in try await content.head(reference, in: repository) }
    }

    package func manifest(_ reference: ManifestReference, in repository: RepositoryName) async throws(RegistryError) -> ManifestDocument? {
        try await reading(repository) { () async throws(RegistryError) in try await content.manifest(reference, in: repository) }
    }

    package func tags(in repository: RepositoryName) async throws(RegistryError) -> [TagName]? {
        try await reading(repository) { () async throws(RegistryError) in try await content.tags(in: repository) }
    }

    package func referrers(of digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Referrers {
        try await reading(repository) { () async throws(RegistryError) in try await content.referrers(of: digest, in: repository) }
    }

    package func headBlob(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> Int64? {
        try await reading(repository) { () async throws(RegistryError) in try await content.headBlob(digest, in: repository) }
    }

    package func blob(
        _ descriptor: Descriptor,
        from offset: Int64,
        in repository: RepositoryName
    ) async throws(RegistryError) -> BlobStream {
        try await reading(repository) { () async throws(RegistryError) in
            try await content.blob(descriptor, from: offset, in: repository)
        }
    }

    package func beginWriting(in repository: RepositoryName) async throws(RegistryError) -> any WriteLease {
        try await content.beginWriting(in: repository)
    }

    package func mountBlob(
        _ descriptor: Descriptor,
        from source: RepositoryName,
        into repository: RepositoryName
    ) async throws(RegistryError) -> Bool {
        try await writing(repository) { () async throws(RegistryError) in
            try await content.mountBlob(descriptor, from: source, into: repository)
        }
    }

    package func putBlob(
        _ body: BlobBody,
        into repository: RepositoryName,
        isKnownMissing: Bool
    ) async throws(RegistryError) {
        try await writing(repository) { () async throws(RegistryError) in
            try await content.putBlob(body, into: repository, isKnownMissing: isKnownMissing)
        }
    }

    package func lacksTags(in repository: RepositoryName) async -> Bool { await content.lacksTags(in: repository) }

    package func putManifest(
        _ document: ManifestDocument,
        at reference: ManifestReference,
        in repository: RepositoryName
    ) async throws(RegistryError) {
        try await writing(repository) { () async throws(RegistryError) in
            try await content.putManifest(document, at: reference, in: repository)
        }
    }

    private func reading<Value>(
        _ repository: RepositoryName,
        _ work: () async throws(RegistryError) -> Value
    ) async throws(RegistryError) -> Value {
        do throws(RegistryError) {
            return try await work()
        } catch {
            throw ContentProblem.explained(error, in: id, .reader(namespace: repository.namespace))
        }
    }

    private func writing<Value>(
        _ repository: RepositoryName,
        _ work: () async throws(RegistryError) -> Value
    ) async throws(RegistryError) -> Value {
        do throws(RegistryError) {
            return try await work()
        } catch {
            throw ContentProblem.explained(error, in: id, .writer(namespace: repository.namespace))
        }
    }

    // MARK: By the management API, where there is a login for it

    package func digests(in repository: RepositoryName) async throws(RegistryError) -> [Digest]? {
        try await images(in: repository)?.map(\.digest)
    }

    package func repositories() async throws(RegistryError) -> [RepositoryName] {
        var names: [RepositoryName] = []
        for namespace in try await namespaces() { names += try await inventory(of: namespace.name).keys }
        return names.sorted()
    }

    package func deleteTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError) {
        let reference = "\(id)/\(repository):\(tag)"
        let purpose = ManagementClient.Purpose(action: "untag", object: reference, right: .writer(namespace: repository.namespace))
        _ = try await management.call(.untag(reference), for: purpose)
    }

    package func deleteManifest(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) {
        let image = ImageName(repository, digest)
        if let failure = await deleteImages([image])[image] ?? nil { throw failure }
    }

    package func capability(_ feature: RegistryFeature, in repository: RepositoryName) async throws(RegistryError) -> Capability {
        switch feature {
        case .deleteTag, .deleteManifest: try await management.isAvailable() ? .yes : .no
        case .listDigests, .listRepositories:
            // Whoever may write need not be allowed to list: only a try tells.
            try await images(in: repository) == nil ? .no : .yes
        case .referrersAPI, .mountBlob: try await content.capability(feature, in: repository)
        }
    }

    package func checkLogin() async throws(RegistryError) -> LoginReport {
        var report = try await content.checkLogin()
        if try await management.isAvailable() {
            let spaces = try await namespaces()
            report.facts.append("its management API knows \(spaces.count) namespaces of the account")
            report.credentialSource = await management.login.source() ?? report.credentialSource
        } else {
            report.facts.append("no login for its management API: content alone can be read and tagged")
        }
        return report
    }

    /// What is in a repository; `nil` where the management API cannot be asked: no login, or none that may list.
    private func images(in repository: RepositoryName) async throws(RegistryError) -> [InventoryImage]? {
        guard try await management.isAvailable() else { return nil }
        do throws(RegistryError) {
            return try await inventory(in: repository.description)[repository] ?? []
        } catch {
            guard error.code == .denied else { throw error }
            logger.debug("\(id): listing is denied, so the distribution API is asked", metadata: ["error": "\(error)"])
            return nil
        }
    }
}
