internal import OCI
internal import Planning

/// What a change does, in the words of the plan. Parts are joined by ` · `.
struct ChangeWording {
    let plan: Plan
    let full: Bool
    private let names: RegistryNames
    private let contents: [PlannedContent.ID: PlannedContent]

    init(_ plan: Plan, full: Bool) {
        names = RegistryNames(plan.registries)
        self.plan = plan
        self.full = full
        contents = Dictionary(plan.contents.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func content(of change: Change) -> PlannedContent? { change.content.flatMap { contents[$0] } }

    /// Without the size, which depends on how many changes share the line.
    func parts(of change: Change) -> [String] {
        var parts: [String]
        switch change.kind {
        case .put: parts = change.isMove ? move(change) : add(change)
        case .untag: parts = untag(change)
        case .delete: parts = delete(change)
        case .restore: parts = ["restore from the trash"]
        case .namespace: parts = namespace(change)
        case .retention: parts = retention(change)
        }
        if full, !change.reason.isEmpty, !change.isReferrerPut, change.kind != .retention {
            parts.append(change.reason.withVisibleControls)
        }
        return parts + undo(change)
    }

    private func add(_ change: Change) -> [String] {
        let isByDigest = change.target.reference?.digest != nil
        let digest = isByDigest ? nil : change.newDigest?.brief
        var parts = [[digest, source(of: change)].compactMap(\.self).joined(separator: " ")]
        if change.isReferrerPut, !change.reason.isEmpty { parts.append(change.reason.withVisibleControls) }
        return parts + platforms(of: change)
    }

    private func move(_ change: Change) -> [String] {
        guard let old = change.oldDigest, let new = change.newDigest else { return [] }
        let parts =
            ["\(old.brief) → \(new.algorithm == old.algorithm ? new.short : new.brief)"] + oldImage(change, keeps: "old image keeps")
            + use(of: change)
        return full ? parts + [source(of: change)].compactMap(\.self) + platforms(of: change) : parts
    }

    private func untag(_ change: Change) -> [String] {
        var parts = ["untag" + (change.oldDigest.map { " \($0.brief)" } ?? "")] + oldImage(change, keeps: "image stays for")
        switch change.method {
        case .placeholder: parts.append("by a placeholder")
        case .deleteTagElsePlaceholder: parts.append("by a placeholder where the registry cannot delete a tag")
        default: break
        }
        return parts + around(change)
    }

    private func delete(_ change: Change) -> [String] {
        let tags = change.consequences.removedTags.map(\.description)
        var parts = [tags.isEmpty ? "delete untagged image" : "delete with " + Amounts.list(tags, "tag")]
        if change.consequences.children > 0 { parts.append("index of \(Amounts.count(change.consequences.children, "manifest"))") }
        return parts + around(change) + orphans(change)
    }

    private func namespace(_ change: Change) -> [String] {
        switch change.setting {
        case .remove:
            let images = (change.consequences.images ?? []).filter { !$0.isTrashed }
            let trashed = (change.consequences.images ?? []).count - images.count
            let what = images.isEmpty ? "delete empty namespace" : "delete namespace with \(lost(images))"
            return [what] + (trashed == 0 ? [] : ["\(Amounts.count(trashed, "image")) in its trash \(trashed == 1 ? "goes" : "go") too"])
        case .assign(let group): return ["assign to resource group \(group.withVisibleControls) for good"]
        case .create(let group?): return ["namespace in resource group \(group.withVisibleControls)"]
        default: return ["namespace"]
        }
    }

    private func retention(_ change: Change) -> [String] {
        let images = change.consequences.images ?? []
        return ["retention policy: \(change.reason.withVisibleControls)"] + (images.isEmpty ? [] : ["removes \(lost(images))"])
    }

    /// `2 images (api:1.0, api:1.1)`: what goes is never folded.
    private func lost(_ images: [LostImage]) -> String {
        let names = images.flatMap { image in
            image.tags.isEmpty ? ["\(image.repository)@\(image.digest.brief)"] : image.tags.map { "\(image.repository):\($0.brief)" }
        }
        return "\(Amounts.count(images.count, "image")) (\(names.joined(separator: ", ")))"
    }

    /// What becomes of the image that the tag leaves.
    private func oldImage(_ change: Change, keeps: String) -> [String] {
        guard let remaining = change.consequences.remainingTags else { return [] }
        if remaining.isEmpty { return ["\(change.kind == .untag ? "image" : "old image") LOSES ITS LAST TAG"] }
        return ["\(keeps) \(Amounts.list(remaining.map(\.description), "tag", limit: full ? nil : 5))"]
    }

    /// What runs keeps the image that it has; what starts anew under a moved tag gets the new one.
    private func use(of change: Change) -> [String] {
        guard let lists = change.consequences.usedBy, !lists.isEmpty else { return [] }
        return ["in use (\(lists.map(\.withVisibleControls).joined(separator: ", ")))"]
    }

    /// What a removed image is, and what leads to it.
    private func around(_ change: Change) -> [String] {
        var parts: [String] = []
        if let platforms = change.consequences.platforms, !platforms.isEmpty { parts.append(words(for: platforms)) }
        if let parents = change.consequences.parents, !parents.isEmpty {
            parts.append("part of \(Amounts.list(parents.map(\.short), "index", plural: "indexes", limit: full ? nil : 2))")
        }
        let referrers = change.consequences.referrers.count
        if change.kind == .untag, referrers > 0 {
            parts.append("its \(Amounts.count(referrers, "referrer")) \(referrers == 1 ? "stays" : "stay")")
        }
        return parts
    }

    private func orphans(_ change: Change) -> [String] {
        let count = change.consequences.referrers.count
        guard count > 0 else { return [] }
        return ["\(Amounts.count(count, "referrer")) \(count == 1 ? "loses its" : "lose their") subject"]
    }

    private func source(of change: Change) -> String? {
        guard let content = content(of: change) else { return change.method.rawValue }
        // A label that names a digest is too long for a line.
        let label = full ? content.label : content.label.replacing(content.digest.description, with: content.digest.brief)
        guard case .registry(let address) = content.origin else { return "\(change.method.rawValue) from \(label.withVisibleControls)" }
        return "\(change.method.rawValue) from \(names.label(label, from: address.registry))"
    }

    private func platforms(of change: Change) -> [String] {
        guard let platforms = content(of: change)?.platforms, !platforms.isEmpty else { return [] }
        return [words(for: platforms)]
    }

    private func words(for platforms: [Platform]) -> String {
        full ? platforms.map(\.description.withVisibleControls).joined(separator: ", ") : Amounts.count(platforms.count, "platform")
    }

    private func undo(_ change: Change) -> [String] {
        switch change.undo {
        case .setBack: change.consequences.images?.isEmpty == false ? ["ICR keeps them 30 days"] : []
        case .remove, .retag: []
        case .trash(let days): ["ICR keeps it \(Amounts.count(days, "day"))"]
        case .backup(let name): ["backup in \(names.label(name))"]
        case .none: ["cannot be undone"]
        }
    }
}
