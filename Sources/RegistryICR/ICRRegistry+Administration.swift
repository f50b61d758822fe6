internal import Logging
package import OCI
package import Registry
internal import RegistryHTTP
internal import Synchronization

extension ICRRegistry: RegistryAdministration {
    private typealias Purpose = ManagementClient.Purpose

    /// References in one request for a bulk deletion; no limit is known, so it stays small.
    static let deletionsAtOnce = 50

    package var administration: (any RegistryAdministration)? { self }

    package func isAvailable() async throws(RegistryError) -> Bool { try await management.isAvailable() }

    package func namespaces() async throws(RegistryError) -> [NamespaceDetails] {
        let purpose = Purpose(action: "list the namespaces of", object: id.description, right: .any)
        return try await management.value(.namespaces, for: purpose, ManagementAnswer.namespaces)
    }

    package func createNamespace(_ name: String, resourceGroup: String?) async throws(RegistryError) {
        let purpose = Purpose(action: "create the namespace", object: "\(id)/\(name)", right: .accountManager)
        _ = try await management.call(.createNamespace(name, resourceGroup: resourceGroup), for: purpose)
        // Tokens that were asked for before it was there allow nothing in it.
        await content.forgetTokens()
    }

    package func assignNamespace(_ name: String, resourceGroup: String) async throws(RegistryError) {
        let purpose = Purpose(action: "assign to a resource group the namespace", object: "\(id)/\(name)", right: .accountManager)
        _ = try await management.call(.assignNamespace(name, resourceGroup: resourceGroup), for: purpose)
    }

    package func deleteNamespace(_ name: String) async throws(RegistryError) {
        let purpose = Purpose(action: "delete the namespace", object: "\(id)/\(name)", right: .accountManager)
        _ = try await management.call(.deleteNamespace(name), for: purpose)
    }

    package func inventory(of namespace: String) async throws(RegistryError) -> [RepositoryName: [InventoryImage]] {
        try await inventory(in: namespace)
    }

    /// `place`: a namespace, or a repository with its namespace. Whether the service takes it with or without the host is not documented,
    /// and the wrong form could look like an empty namespace, which may be deleted: until one form has found something, nothing found is
    /// asked for in the other form too.
    func inventory(in place: String) async throws(RegistryError) -> [RepositoryName: [InventoryImage]] {
        let found = try await inventory(in: place, named: place)
        if !found.isEmpty { knowsPlaceForm.store(true, ordering: .relaxed) }
        guard found.isEmpty, !knowsPlaceForm.load(ordering: .relaxed) else { return found }
        do throws(RegistryError) {
            return try await inventory(in: place, named: "\(id)/\(place)")
        } catch {
            // A 404 may come from a proxy, and says nothing of the form.
            guard error.code == .rejected else { throw error }
            return found
        }
    }

    private func inventory(in place: String, named name: String) async throws(RegistryError) -> [RepositoryName: [InventoryImage]] {
        let namespace = String(place.prefix { $0 != "/" })
        let purpose = Purpose(action: "list the images of", object: "\(id)/\(place)", right: .reader(namespace: namespace))
        let host = id.description
        return try await management.value(.inventory(of: name), for: purpose) { bytes throws(ManagementAnswer.Invalid) in
            try ManagementAnswer.inventory(bytes, host: host, namespace: namespace)
        }
    }

    package func retention(of namespace: String) async throws(RegistryError) -> RetentionPolicy {
        let purpose = Purpose(action: "read the retention of", object: "\(id)/\(namespace)", right: .reader(namespace: namespace))
        return try await management.value(.retention(of: namespace), for: purpose, ManagementAnswer.retention)
    }

    package func setRetention(_ policy: RetentionPolicy, of namespace: String) async throws(RegistryError) {
        let purpose = Purpose(
            action: "set the retention of",
            object: "\(id)/\(namespace)",
            right: .readerAndWriter(namespace: namespace)
        )
        // Whether a policy without a threshold takes the former one back is not documented: where there is one, that is said.
        let takesBack = policy.minimumAgeDays == 0 ? try await retention(of: namespace).minimumAgeDays > 0 : false
        _ = try await management.call(.setRetention(policy, of: namespace, takesThresholdBack: takesBack), for: purpose)
    }

    package func retentionVictims(
        _ policy: RetentionPolicy,
        of namespace: String
    ) async throws(RegistryError) -> [RetentionVictim] {
        let purpose = Purpose(
            action: "analyse the retention of",
            object: "\(id)/\(namespace)",
            right: .reader(namespace: namespace)
        )
        let host = id.description
        let found = try await management.value(.analyzeRetention(policy, of: namespace), for: purpose) {
            bytes throws(ManagementAnswer.Invalid) in
            try ManagementAnswer.victims(bytes, host: host, namespace: namespace)
        }
        return found.map { RetentionVictim(image: ImageName($0.repository, $0.digest), tags: $0.tags) }
    }

    package func trash(of namespace: String) async throws(RegistryError) -> [TrashedImage] {
        let purpose = Purpose(
            action: "list the trash of",
            object: "\(id)/\(namespace)",
            right: .readerAndWriter(namespace: namespace)
        )
        let host = id.description
        return try await management.value(.trash(of: namespace), for: purpose) { bytes throws(ManagementAnswer.Invalid) in
            try ManagementAnswer.trash(bytes, host: host, namespace: namespace)
        }
    }

    package func restore(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) -> [TagName] {
        let reference = "\(id)/\(repository)@\(digest)"
        let purpose = Purpose(
            action: "restore from the trash",
            object: reference,
            right: .writer(namespace: repository.namespace)
        )
        return try await management.value(.restore(reference), for: purpose, ManagementAnswer.restoredTags)
    }

    package func publicImages() async throws(RegistryError) -> [PublicImage] {
        let purpose = Purpose(action: "list the public images of", object: id.description, right: .any)
        let host = id.description
        return try await management.value(.publicImages, for: purpose) { bytes throws(ManagementAnswer.Invalid) in
            try ManagementAnswer.publicImages(bytes, host: host)
        }
    }

    package func restoreTag(_ tag: TagName, in repository: RepositoryName) async throws(RegistryError) {
        let reference = "\(id)/\(repository):\(tag)"
        let purpose = Purpose(
            action: "restore from the trash",
            object: reference,
            right: .writer(namespace: repository.namespace)
        )
        _ = try await management.call(.restoreTag(reference), for: purpose)
    }

    package func quota() async throws(RegistryError) -> Quota {
        let purpose = Purpose(action: "read the quota of", object: id.description, right: .any)
        return try await management.value(.quota, for: purpose, ManagementAnswer.quota)
    }

    package func tag(
        _ source: Digest,
        of repository: RepositoryName,
        as tag: TagName,
        in target: RepositoryName
    ) async throws(RegistryError) {
        let purpose = Purpose(action: "tag", object: "\(id)/\(target):\(tag)", right: .writer(namespace: target.namespace))
        _ = try await management.call(.tag("\(id)/\(repository)@\(source)", as: "\(id)/\(target):\(tag)"), for: purpose)
    }

    package func deleteImages(_ images: [ImageName]) async -> [ImageName: RegistryError?] {
        var results: [ImageName: RegistryError?] = [:]
        // One repository per request: the answer may name bare digests.
        for (repository, ofOne) in Dictionary(grouping: images, by: \.repository).sorted(by: { $0.key < $1.key }) {
            var rest = ofOne.map(\.digest)[...]
            while !rest.isEmpty {
                let part = Array(rest.prefix(Self.deletionsAtOnce))
                rest = rest.dropFirst(part.count)
                results.merge(await delete(part, in: repository)) { _, new in new }
            }
        }
        return results
    }

    private func delete(_ digests: [Digest], in repository: RepositoryName) async -> [ImageName: RegistryError?] {
        let right = ManagementProblem.Right.writer(namespace: repository.namespace)
        let object = "\(id)/\(repository)" + (digests.count == 1 ? "@\(digests[0])" : " (\(digests.count) images)")
        let purpose = Purpose(action: "delete", object: object, right: right)
        var results: [ImageName: RegistryError?] = [:]
        let references = digests.map { "\(id)/\(repository)@\($0)" }
        do throws(RegistryError) {
            let answers = try await management.value(.deleteImages(references), for: purpose) {
                bytes throws(ManagementAnswer.Invalid) in
                try ManagementAnswer.deletions(bytes, of: references)
            }
            for (digest, reference) in zip(digests, references) {
                let image = ImageName(repository, digest)
                switch answers[reference] {
                case .some(.none): results[image] = .some(nil)
                case .some(.some(let problem)):
                    results[image] = problem.error(status: nil, action: "delete", object: reference, registry: id, right: right)
                case nil:
                    results[image] = RegistryError(
                        .badAnswer,
                        action: "delete",
                        object: reference,
                        registry: id,
                        reason: "the answer does not say what became of it",
                        help: "plan again to see whether it is still there"
                    )
                }
            }
        } catch {
            // The list may be longer than the service takes: how long one may be is not documented.
            if error.code == .rejected, digests.count > 1 {
                let half = digests.count / 2
                let first = await delete(Array(digests.prefix(half)), in: repository)
                return first.merging(await delete(Array(digests.dropFirst(half)), in: repository)) { _, new in new }
            }
            for digest in digests { results[ImageName(repository, digest)] = error }
        }
        return await withoutThoseGone(results)
    }

    /// An image that is not there any more counts as deleted, whatever the answer said: it may have gone before, or in a request that was
    /// repeated. How the service words that is not documented, so the content is asked. What cannot be read stays a failure.
    private func withoutThoseGone(_ results: [ImageName: RegistryError?]) async -> [ImageName: RegistryError?] {
        var results = results
        for case (let image, .some(let problem)) in results where problem.code != .unauthorized && problem.code != .cancelled {
            do throws(RegistryError) {
                if try await content.head(.digest(image.digest), in: image.repository) == nil { results[image] = .some(nil) }
            } catch {
                logger.debug("\(id): cannot look whether \(image.digest) is gone", metadata: ["error": "\(error)"])
            }
        }
        return results
    }
}
