import OCI
import Planning

/// Plans for tests: a few calls, and everything else has a default.
struct PlanBuilder {
    var plan = Plan(source: .workspace)

    init(registries: [(alias: String?, id: String)] = [("us", "us.icr.io"), ("de", "de.icr.io"), ("jp", "jp.icr.io")]) throws {
        plan.registries = try registries.map { RegistryDeclaration(id: try RegistryID($0.id), alias: $0.alias) }.sorted { $0.id < $1.id }
        plan.specFiles = [Plan.SpecFile(path: "payments.yaml", digest: Self.digest("spec"))]
    }

    static func digest(_ text: String) -> Digest { Digest.sha256(of: Array(text.utf8)) }

    static func address(_ text: String) throws -> RepositoryAddress {
        let isPath = text.hasPrefix(".")
        let parts = text.split(separator: "/", maxSplits: isPath ? 2 : 1)
        let registry = isPath ? parts[0...1].joined(separator: "/") : String(parts[0])
        return RepositoryAddress(try RegistryID(registry), try RepositoryName(parts[parts.count - 1]))
    }

    static func target(_ text: String) throws -> ChangeTarget {
        if let at = text.firstIndex(of: "@") {
            return .manifest(try address(String(text[..<at])), .digest(try Digest(text[text.index(after: at)...])))
        }
        let colon = try text.lastIndex(of: ":").orThrow("a target has a tag or digest")
        return .manifest(try address(String(text[..<colon])), .tag(try TagName(text[text.index(after: colon)...])))
    }

    @discardableResult
    mutating func put(
        _ target: String,
        content: String,
        from source: String = "docker.io/library/nginx",
        label: String? = nil,
        method: ChangeMethod = .copy,
        old: String? = nil,
        remaining: [String]? = nil,
        line: Int = 5,
        platforms: [String] = ["linux/amd64", "linux/arm64"],
        bytes: (total: Int64, toSend: Int64)? = nil,
        reason: String = "declared and not there",
        usedBy: [String]? = nil,
        after: [ChangeID] = []
    ) throws -> ChangeID {
        let digest = Self.digest(content)
        let planned = PlannedContent(
            identity: .exact(digest),
            digest: digest,
            mediaType: MediaType.ociIndex,
            origin: .registry(try Self.address(source)),
            label: label ?? source,
            platforms: try platforms.map { try Platform($0) }
        )
        if !plan.contents.contains(planned) { plan.contents.append(planned) }
        let oldDigest = old.map(Self.digest)
        let change = Change(
            kind: .put,
            target: try Self.target(target),
            oldDigest: oldDigest,
            newDigest: digest,
            content: planned.id,
            method: method,
            reason: reason,
            origin: Origin(file: "payments.yaml", line: line),
            consequences: Consequences(remainingTags: try remaining?.map { try TagName($0) }, usedBy: usedBy),
            undo: oldDigest.map { .retag($0) } ?? .remove,
            preconditions: [oldDigest.map { .at($0) } ?? .absent],
            after: after
        )
        plan.changes.append(change)
        if let bytes { plan.estimates[change.id] = Plan.Estimate(totalBytes: bytes.total, bytesToSend: bytes.toSend) }
        return change.id
    }

    mutating func untag(
        _ target: String,
        old: String,
        remaining: [String]?,
        method: ChangeMethod = .deleteTag,
        undo: UndoWay? = nil,
        referrers: Int = 0,
        platforms: [String]? = nil,
        parents: [String]? = nil,
        bytes: Int64? = nil,
        line: Int = 28
    ) throws {
        let digest = Self.digest(old)
        let target = try Self.target(target)
        if let bytes { plan.estimates[Change.id(.untag, target)] = Plan.Estimate(totalBytes: bytes, bytesToSend: 0) }
        plan.changes.append(
            Change(
                kind: .untag,
                target: target,
                oldDigest: digest,
                method: method,
                reason: "named under absent",
                origin: Origin(file: "payments.yaml", line: line),
                consequences: Consequences(
                    remainingTags: try remaining?.map { try TagName($0) },
                    referrers: (0..<referrers).map { Self.digest("referrer \($0)") },
                    platforms: try platforms?.map { try Platform($0) },
                    parents: parents?.map(Self.digest)
                ),
                undo: undo ?? .retag(digest),
                preconditions: [.at(digest)]
            )
        )
    }

    mutating func delete(
        _ repository: String,
        content: String,
        tags: [String],
        referrers: Int = 0,
        children: Int = 0,
        undo: UndoWay = .trash(days: 30),
        platforms: [String]? = nil,
        parents: [String]? = nil,
        bytes: (total: Int64, freed: Int64?)? = nil,
        line: Int = 31
    ) throws {
        let digest = Self.digest(content)
        let names = try tags.map { try TagName($0) }
        let target = ChangeTarget.manifest(try Self.address(repository), .digest(digest))
        if let bytes {
            plan.estimates[Change.id(.delete, target)] = Plan.Estimate(totalBytes: bytes.total, bytesToSend: 0, bytesFreed: bytes.freed)
        }
        plan.changes.append(
            Change(
                kind: .delete,
                target: target,
                oldDigest: digest,
                method: .deleteManifest,
                reason: "named under absent",
                origin: Origin(file: "payments.yaml", line: line),
                consequences: Consequences(
                    removedTags: names,
                    referrers: (0..<referrers).map { Self.digest("referrer \($0)") },
                    children: children,
                    platforms: try platforms?.map { try Platform($0) },
                    parents: parents?.map(Self.digest)
                ),
                undo: undo,
                preconditions: [.tagsOnDigest(names), .unneeded(digest)]
            )
        )
    }

    mutating func namespace(
        _ name: String,
        in registry: String,
        _ setting: NamespaceSetting = .create(resourceGroup: nil),
        images: [LostImage]? = nil,
        preconditions: [Precondition]? = nil,
        undo: UndoWay = .remove
    ) throws {
        let fitting: [Precondition] =
            switch setting {
            case .create: [.absent]
            case .assign: [.unassigned]
            case .remove: [.contents(images?.map(\.description) ?? [])]
            case .retention(let before, _): [.retention(before), .retentionVictims(images?.map(\.description) ?? [])]
            }
        let isRetention = if case .retention = setting { true } else { false }
        plan.changes.append(
            Change(
                kind: isRetention ? .retention : .namespace,
                target: .namespace(try RegistryID(registry), name),
                setting: setting,
                method: .management,
                reason: isRetention ? "10 images per repository, untagged kept" : "declared under namespaces",
                origin: Origin(file: "payments.yaml", line: 3),
                consequences: Consequences(images: images),
                undo: undo,
                preconditions: preconditions ?? fitting
            )
        )
    }

    /// With its changes in the order that plans have.
    func built() -> Plan {
        var plan = plan
        plan.changes.sort { $0.id < $1.id }
        return plan
    }
}

struct TestDataError: Error {
    let reason: String
}

extension Optional {
    func orThrow(_ reason: String) throws -> Wrapped {
        guard let self else { throw TestDataError(reason: reason) }
        return self
    }
}
