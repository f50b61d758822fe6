internal import FoundationEssentials
internal import OCI

/// Reads the management API's answers (reference of ICR, section D). All members are optional there, unknown ones are ignored, and names
/// from the network are checked before anything uses them.
enum ManagementAnswer {
    /// Why an answer cannot be used, as a clause.
    struct Invalid: Error, Hashable, Sendable {
        let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    static func namespaces(_ bytes: [UInt8]) throws(Invalid) -> [NamespaceDetails] {
        struct Entry: Decodable {
            var name: String?
            // swift-format-ignore: AlwaysUseLowerCamelCase
            var resource_group: String?
        }
        return try decode([Entry?].self, bytes)
            .compactMap { entry in
                guard let entry, let name = entry.name, !name.isEmpty else { return nil }
                let group = entry.resource_group ?? ""
                return NamespaceDetails(name: name, resourceGroup: group.isEmpty ? nil : group)
            }
            .sorted { $0.name < $1.name }
    }

    /// By repository, in the order of their digests. `host`: the registry's public name, which stands before each repository.
    static func inventory(_ bytes: [UInt8], host: String, namespace: String) throws(Invalid) -> [RepositoryName: [InventoryImage]] {
        /// The names of an object's members, whatever they hold.
        struct Names: Decodable {
            var texts: [String]

            init(from decoder: any Decoder) throws {
                texts = try decoder.container(keyedBy: AnyName.self).allKeys.map(\.stringValue)
            }
        }
        struct Entry: Decodable {
            var id: String?
            var created: Int64?
            var size: Int64?
            var manifestType: String?
            var repoTags: [String: Names?]?
        }
        var result: [RepositoryName: [InventoryImage]] = [:]
        // Thousands of images share a few types and repositories.
        var mediaTypes: [String: String?] = [:]
        var repositories: [String: RepositoryName?] = [:]
        for entry in try decode([Entry?].self, bytes).compactMap(\.self) {
            // What is not understood must not look like an empty namespace, which may be deleted.
            guard let places = entry.repoTags, !places.isEmpty else {
                throw Invalid("its inventory names an image without a repository")
            }
            guard let id = entry.id, let digest = try? Digest(id) else {
                throw Invalid("its inventory names an image without a usable digest")
            }
            let words = entry.manifestType ?? ""
            if mediaTypes[words] == nil { mediaTypes[words] = .some(mediaType(inWords: words)) }
            let mediaType = mediaTypes[words] ?? nil
            for (place, tags) in places {
                if repositories[place] == nil {
                    repositories[place] = .some(try repository(place, host: host, namespace: namespace))
                }
                guard let repository = repositories[place] ?? nil else { continue }
                result[repository, default: []].append(
                    InventoryImage(
                        digest: digest,
                        tags: try (tags?.texts ?? []).map { text throws(Invalid) in try tag(text) }.sorted(),
                        mediaType: mediaType,
                        created: entry.created.flatMap { $0 > 0 ? $0 : nil },
                        size: entry.size
                    )
                )
            }
        }
        return result.mapValues { $0.sorted { $0.digest < $1.digest } }
    }

    /// Sorted by repository and tag. What is not named as an image of `host` is passed over: older ones have no namespace.
    static func publicImages(_ bytes: [UInt8], host: String) throws(Invalid) -> [PublicImage] {
        struct Entry: Decodable {
            // swift-format-ignore: AlwaysUseLowerCamelCase
            var DigestTags: [String: [String?]?]?
            // swift-format-ignore: AlwaysUseLowerCamelCase
            var Created: Int64?
            // swift-format-ignore: AlwaysUseLowerCamelCase
            var Size: Int64?
        }
        var result: [PublicImage] = []
        for entry in try decode([Entry?].self, bytes).compactMap(\.self) {
            for (text, names) in entry.DigestTags ?? [:] {
                guard let digest = try? Digest(text) else { throw Invalid("its list names an image without a usable digest") }
                for name in (names ?? []).compactMap(\.self) where name.hasPrefix("\(host)/") {
                    guard let colon = name.lastIndex(of: ":"), let tag = try? TagName(name[name.index(after: colon)...]),
                        let repository = try? RepositoryName(name[..<colon].dropFirst(host.count + 1))
                    else { continue }
                    let created = entry.Created.flatMap { $0 > 0 ? $0 : nil }
                    result.append(PublicImage(repository: repository, tag: tag, digest: digest, created: created, size: entry.Size))
                }
            }
        }
        return result.sorted { ($0.repository, $0.tag) < ($1.repository, $1.tag) }
    }

    /// Whether it is an index decides what may be deleted. The words vary, so they are matched loosely; what is not understood is `nil`.
    private static func mediaType(inWords text: String) -> String? {
        let words = text.lowercased()
        if words.contains("index") { return MediaType.ociIndex }
        if words.contains("list") { return MediaType.dockerManifestList }
        guard words.contains("manifest") else { return nil }
        if words.contains("oci") { return MediaType.ociManifest }
        return words.contains("docker") ? MediaType.dockerManifest : nil
    }

    static func retention(_ bytes: [UInt8]) throws(Invalid) -> RetentionPolicy { try decode(Policy.self, bytes).policy }

    /// By namespace.
    static func retentions(_ bytes: [UInt8]) throws(Invalid) -> [String: RetentionPolicy] {
        try decode([String: Policy?].self, bytes).compactMapValues { $0?.policy }
    }

    /// An analysis of retention: what would go, with its tags.
    static func victims(_ bytes: [UInt8], host: String, namespace: String) throws(Invalid) -> [ImageTags] {
        var result: [ImageTags] = []
        for (name, tags) in try decode([String: [String?]?].self, bytes) {
            guard let image = try image(name, host: host, namespace: namespace) else { continue }
            result.append(ImageTags(repository: image.0, digest: image.1, tags: try self.tags(tags ?? [])))
        }
        return result.sorted { ($0.repository, $0.digest) < ($1.repository, $1.digest) }
    }

    static func trash(_ bytes: [UInt8], host: String, namespace: String) throws(Invalid) -> [TrashedImage] {
        struct Entry: Decodable {
            var daysUntilExpiry: Int?
            var tags: [String?]?
        }
        var result: [TrashedImage] = []
        for (name, entry) in try decode([String: Entry?].self, bytes) {
            guard let image = try image(name, host: host, namespace: namespace) else { continue }
            result.append(
                TrashedImage(
                    repository: image.0,
                    digest: image.1,
                    tags: try tags(entry?.tags ?? []),
                    daysLeft: entry?.daysUntilExpiry ?? 0
                )
            )
        }
        return result.sorted { ($0.repository, $0.digest) < ($1.repository, $1.digest) }
    }

    /// The tags that came back with an image.
    static func restoredTags(_ bytes: [UInt8]) throws(Invalid) -> [TagName] {
        struct Answer: Decodable {
            var successful: [String?]?
        }
        return try tags(try decode(Answer.self, bytes).successful ?? [])
    }

    static func quota(_ bytes: [UInt8]) throws(Invalid) -> Quota {
        struct Amounts: Decodable {
            // swift-format-ignore: AlwaysUseLowerCamelCase
            var storage_bytes: Int64?
            // swift-format-ignore: AlwaysUseLowerCamelCase
            var traffic_bytes: Int64?
        }
        struct Answer: Decodable {
            var limit: Amounts?
            var usage: Amounts?
        }
        let answer = try decode(Answer.self, bytes)
        func amount(_ member: (Amounts) -> Int64?) -> Quota.Amount {
            // -1 means unlimited; so does a limit that is not there.
            let limit = answer.limit.flatMap(member).flatMap { $0 < 0 ? nil : $0 }
            return Quota.Amount(limit: limit, usage: max(0, answer.usage.flatMap(member) ?? 0))
        }
        return Quota(storage: amount(\.storage_bytes), traffic: amount(\.traffic_bytes))
    }

    /// Each item's own result: `nil` inside means done. What is found in neither list is missing here: its state is unknown.
    static func deletions(_ bytes: [UInt8], of references: [String]) throws(Invalid) -> [String: ManagementProblem?] {
        struct Answer: Decodable {
            var success: [String?]?
            var error: [String: ManagementProblem?]?
        }
        let answer = try decode(Answer.self, bytes)
        // Full references or bare digests: what stands after the '@' is compared, within the repository where one is named.
        let done = Set((answer.success ?? []).compactMap(\.self))
        var result: [String: ManagementProblem?] = [:]
        for reference in references {
            let digest = reference.split(separator: "@").last.map(String.init) ?? reference
            if let failed = (answer.error ?? [:]).first(where: { $0.key == reference || $0.key == digest }) {
                result[reference] = failed.value ?? ManagementProblem(code: nil, message: nil)
            } else if done.contains(reference) || done.contains(digest) {
                result[reference] = .some(nil)
            }
        }
        return result
    }

    private struct AnyName: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    struct ImageTags: Hashable, Sendable {
        var repository: RepositoryName
        var digest: Digest
        var tags: [TagName]
    }

    private struct Policy: Decodable {
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var images_per_repo: Int?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var retain_untagged: Bool?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var deletion_threshold_days: Int?

        var policy: RetentionPolicy {
            RetentionPolicy(
                imagesPerRepository: images_per_repo.flatMap { $0 < 0 ? nil : $0 },
                keepUntagged: retain_untagged ?? false,
                minimumAgeDays: deletion_threshold_days ?? 0
            )
        }
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(Invalid) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw Invalid("its answer does not have the form of the management API")
        }
    }

    /// `HOST/NS/REPO` → the path; `nil`: it belongs to another namespace. The name of another host is an error: what is there must not look
    /// as if it were not.
    private static func repository(_ text: String, host: String, namespace: String) throws(Invalid) -> RepositoryName? {
        guard text.hasPrefix("\(host)/") else {
            throw Invalid("its answer names '\(text.withVisibleControls)', which does not begin with '\(host)/'")
        }
        guard text.hasPrefix("\(host)/\(namespace)/") else { return nil }
        do throws(InvalidName) {
            return try RepositoryName(text.dropFirst(host.count + 1))
        } catch {
            throw Invalid("its answer names the repository '\(text.withVisibleControls)', which is not valid: \(error.description)")
        }
    }

    private static func image(_ text: String, host: String, namespace: String) throws(Invalid) -> (RepositoryName, Digest)? {
        let parts = text.split(separator: "@", maxSplits: 1)
        guard parts.count == 2, let digest = try? Digest(parts[1]) else {
            throw Invalid("its answer names the image '\(text.withVisibleControls)', which has no usable digest")
        }
        return try repository(String(parts[0]), host: host, namespace: namespace).map { ($0, digest) }
    }

    private static func tags(_ texts: [String?]) throws(Invalid) -> [TagName] {
        try Set(texts.compactMap(\.self).map { text throws(Invalid) in try tag(text) }).sorted()
    }

    /// Bare tags or full references: the text after the last ':' when there is a '/'.
    private static func tag(_ text: String) throws(Invalid) -> TagName {
        let bare = text.contains("/") ? text.split(separator: ":").last.map(String.init) ?? text : text
        do throws(InvalidName) {
            return try TagName(bare)
        } catch {
            throw Invalid("its answer names the tag '\(text.withVisibleControls)', which is not valid: \(error.description)")
        }
    }
}
