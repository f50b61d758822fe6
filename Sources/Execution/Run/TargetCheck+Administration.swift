internal import OCI
internal import Planning

extension TargetCheck {
    /// Whether a namespace may be set, by what it is right now.
    init(_ change: Change, _ state: NamespaceState) {
        guard let setting = change.setting, !change.preconditions.isEmpty else {
            self = .unknown
            return
        }
        if Self.isReached(setting, state) {
            self = .atGoal
            return
        }
        for precondition in change.preconditions {
            let expected: String
            let found: String?
            switch (setting, precondition) {
            case (.create, .absent):
                expected = "absent"
                found = state.details.map { "there, in \($0.place)" }
            case (.assign, .unassigned):
                expected = "no resource group"
                found = state.details.map { $0.resourceGroup == nil ? nil : $0.place } ?? "absent"
            case (.remove, .contents(let images)):
                (expected, found) = Self.difference(images, state.contents)
            case (.retention, .retention(let policy)):
                expected = "the policy \(policy.summary)"
                found = state.retention == policy ? nil : state.retention.map { "the policy \($0.summary)" } ?? "absent"
            case (.retention, .retentionVictims(let images)):
                (expected, found) = Self.difference(images, state.victims)
            default:
                self = .unknown
                return
            }
            if let found {
                self = .stale(expected: expected, found: found)
                return
            }
        }
        self = .mayWrite
    }

    private static func isReached(_ setting: NamespaceSetting, _ state: NamespaceState) -> Bool {
        switch setting {
        case .create(let group): state.details.map { group == nil || $0.resourceGroup == group } ?? false
        case .assign(let group): state.details?.resourceGroup == group
        case .remove: state.details == nil
        case .retention(_, let after): state.retention == after
        }
    }

    /// `found` is nil where the two are alike.
    private static func difference(_ planned: [String], _ found: [String]?) -> (expected: String, found: String?) {
        let expected = planned.count == 1 ? "the image of the plan" : "the \(planned.count) images of the plan"
        guard let found else { return (expected, "absent") }
        let (new, gone) = (Set(found).subtracting(planned), Set(planned).subtracting(found))
        let parts = [Self.list(new).map { "also \($0)" }, Self.list(gone).map { "no longer \($0)" }].compactMap(\.self)
        return (expected, parts.isEmpty ? nil : parts.joined(separator: "; "))
    }

    private static func list(_ images: Set<String>) -> String? {
        guard !images.isEmpty else { return nil }
        let shown = images.sorted().prefix(3)
        return shown.joined(separator: ", ") + (images.count > shown.count ? " and \(images.count - shown.count) more" : "")
    }

    /// Whether an image may be restored. `live`: what its target holds; `trash`: that of its namespace; `free`: the image's tags in the
    /// trash that nothing else has taken, sorted.
    init(restoring change: Change, live: Digest?, trash: [TrashedImage], free: [TagName]) {
        guard let goal = change.newDigest, let address = change.target.address, let reference = change.target.reference,
            reference.digest == nil || reference.digest == goal, change.preconditions.contains(.inTrash(goal))
        else {
            self = .unknown
            return
        }
        if live == goal {
            self = .atGoal
            return
        }
        for precondition in change.preconditions {
            switch precondition {
            case .absent:
                guard let live else { continue }
                self = .stale(expected: "absent", found: live.description)
                return
            case .inTrash(goal):
                let entries = trash.filter { $0.repository == address.repository }
                guard let found = Self.lack(of: goal, reference.tag, entries) else { continue }
                self = .stale(expected: "\(goal) in the trash", found: found)
                return
            case .tagsOnDigest(let returning):
                // All free tags come back with an image that is restored by its digest.
                guard free != returning.sorted() else { continue }
                self = .stale(expected: Self.list(returning), found: Self.list(free))
                return
            default:
                self = .unknown
                return
            }
        }
        self = .mayWrite
    }

    private static func list(_ tags: [TagName]) -> String {
        tags.isEmpty ? "no tag to come back" : "\(tags.map(\.description).joined(separator: ", ")) to come back"
    }

    /// Why the trash of a repository would not give back this digest, under this tag if one is named; nil: it would.
    private static func lack(of goal: Digest, _ tag: TagName?, _ entries: [TrashedImage]) -> String? {
        guard let entry = entries.first(where: { $0.digest == goal }) else { return "the trash does not hold it" }
        guard let tag else { return nil }
        guard entry.tags.contains(tag) else { return "in the trash, but without the tag \(tag)" }
        // By tag the registry is not told which image is meant.
        let others = entries.filter { $0.digest != goal && $0.tags.contains(tag) }.map(\.digest.description).sorted()
        return others.isEmpty ? nil : "the tag \(tag) in the trash on \(others.joined(separator: ", ")) too"
    }
}
