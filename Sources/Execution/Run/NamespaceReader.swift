internal import OCI
internal import Planning
internal import Registry

/// What a namespace is right before it is set, as far as its setting asks.
struct NamespaceState: Hashable, Sendable {
    /// Nil: it is not there.
    var details: NamespaceDetails?
    /// What is live and what is in the trash, as preconditions name it, sorted.
    var contents: [String]?
    /// Nil: it is not there.
    var retention: RetentionPolicy?
    /// What the wanted policy would remove now, as preconditions name it, sorted.
    var victims: [String]?
}

/// Reads one namespace through its registry's management API. What cannot be read is thrown, never taken for absent.
struct NamespaceReader: Sendable {
    let administration: any RegistryAdministration
    let name: String

    func details() async throws(RegistryError) -> NamespaceDetails? {
        try await administration.namespaces().first { $0.name == name }
    }

    /// Nil: the namespace is not there.
    func retention() async throws(RegistryError) -> RetentionPolicy? {
        do throws(RegistryError) {
            return try await administration.retention(of: name)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// What the preconditions of `setting` are held against.
    func state(for setting: NamespaceSetting) async throws(RegistryError) -> NamespaceState {
        var state = NamespaceState()
        switch setting {
        case .create, .assign: state.details = try await details()
        case .remove:
            state.details = try await details()
            if state.details != nil { state.contents = try await contents() }
        case .retention(_, let after):
            state.retention = try await retention()
            guard let current = state.retention, current != after else { break }
            let victims = try await administration.retentionVictims(after, of: name)
            let images = victims.isEmpty ? [:] : try await administration.inventory(of: name)
            state.victims = victims.map { victim in
                let listed = images[victim.image.repository]?.first { $0.digest == victim.image.digest }?.tags ?? []
                let tags = Set(victim.tags).union(listed).sorted()
                return LostImage(victim.image.repository, victim.image.digest, tags: tags).description
            }.sorted()
        }
        return state
    }

    private func contents() async throws(RegistryError) -> [String] {
        let live = try await administration.inventory(of: name).flatMap { repository, images in
            images.map { LostImage(repository, $0.digest, tags: $0.tags) }
        }
        let trashed = try await administration.trash(of: name).map {
            LostImage($0.repository, $0.digest, tags: $0.tags, isTrashed: true)
        }
        return (live + trashed).map(\.description).sorted()
    }
}

extension NamespaceDetails {
    /// For people.
    var place: String { resourceGroup.map { "the resource group \($0)" } ?? "no resource group" }
}

extension RetentionPolicy {
    /// For people.
    var summary: String {
        let count = imagesPerRepository.map { "\($0) images per repository" } ?? "all images"
        let age = minimumAgeDays > 0 ? ", at least \(minimumAgeDays) days" : ""
        return "'\(count), untagged \(keepUntagged ? "kept" : "not kept")\(age)'"
    }
}
