package import OCI

extension PlanningRun {
    /// Edges: a removal comes after every put of its repository and every copy that reads from it; what is in a namespace, after the
    /// namespace.
    mutating func orderChanges() {
        var putsByRepository: [RepositoryAddress: [ChangeID]] = [:]
        for change in changes.values where change.kind == .put || change.kind == .restore {
            if let address = change.target.address { putsByRepository[address, default: []].append(change.id) }
            if let id = change.content, case .registry(let source)? = contents[id]?.origin {
                putsByRepository[source, default: []].append(change.id)
            }
        }
        foldIntoNamespaces()
        let namespaces = Set(changes.values.filter { $0.kind == .namespace && $0.setting != .remove }.map(\.id))
        for (id, change) in changes {
            var after = Set(change.after.filter { changes[$0] != nil })
            switch change.target {
            case .manifest(let address, _):
                if change.isRemoval { after.formUnion(putsByRepository[address] ?? []) }
                let namespace = Change.id(.namespace, .namespace(address.registry, address.repository.namespace))
                if namespaces.contains(namespace) { after.insert(namespace) }
            case .namespace:
                if change.consequences.images != nil {
                    for (address, puts) in putsByRepository where change.mayRemove(from: address) { after.formUnion(puts) }
                    // What one of both removes the other must not find gone.
                    for other in changes.values where other.isRemoval {
                        if let address = other.target.address, change.mayRemove(from: address) { after.insert(other.id) }
                    }
                }
                if change.kind == .retention { after.formUnion(namespaces.intersection([Change.id(.namespace, change.target)])) }
            }
            changes[id]?.after = after.sorted()
        }
        for change in changes.values where change.kind == .delete {
            guard case .backup = change.undo else { continue }
            // Only what this plan takes elsewhere is shown to be there.
            if !PlanCheck.isSaved(change, changes, contents) { changes[change.id]?.undo = .none }
        }
    }

    /// What is removed in a namespace that goes as a whole goes with it.
    private mutating func foldIntoNamespaces() {
        for namespace in changes.values where namespace.setting == .remove {
            for change in changes.values where change.isRemoval {
                if let address = change.target.address, namespace.mayRemove(from: address) { changes[change.id] = nil }
            }
        }
    }

    /// Refuses what the policy does not allow; every tag that is concerned is named.
    mutating func applyPolicy() {
        let planned = sortedChanges()
        let tagCounts = tagCounts(planned)
        refusals += PolicyCheck(policy: policy).refusals(
            of: planned,
            estimates: estimates,
            ruleChanges: ruleChanges,
            tagCounts: tagCounts,
            moved: Set(desired.moves.map(\.from))
        )
        checkOwners()
    }

    /// How many tags (companions aside) each repository has from which something is removed by a glob.
    private mutating func tagCounts(_ planned: [Change]) -> [RepositoryAddress: Int] {
        var counts: [RepositoryAddress: Int] = [:]
        for address in Set(planned.filter { ruleChanges.contains($0.id) }.compactMap(\.target.address)) {
            if case .found(.tags(let tags))? = answer(.tags(address)) { counts[address] = tags.count { $0.companion == nil } }
        }
        for case .namespace(let registry, let name) in planned.filter({ $0.kind == .retention }).map(\.target) {
            guard case .found(.administration(.inventory(let inventory)))? = facts[.administration(registry, .inventory(of: name))] else {
                continue
            }
            for (repository, images) in inventory.repositories.mapValues(\.images) {
                let tags = images.flatMap(\.tags)
                counts[RepositoryAddress(registry, repository)] = tags.count { $0.companion == nil }
            }
        }
        return counts
    }
}

/// Holds planned changes against the policy. Used when planning, and again when a saved plan is applied.
package struct PolicyCheck {
    let policy: Policy

    package init(policy: Policy) {
        self.policy = policy
    }

    /// `ruleChanges` and `tagCounts` are known while planning alone; a saved plan was held against `repositoryShare` then.
    package func refusals(
        of changes: [Change],
        estimates: [ChangeID: Plan.Estimate],
        ruleChanges: Set<ChangeID> = [],
        tagCounts: [RepositoryAddress: Int] = [:],
        moved: Set<RepositoryAddress> = []
    ) -> [Refusal] {
        // What goes to another repository is not lost, so it counts for no limit.
        let counted = changes.filter { change in !(change.isRemoval && change.target.address.map(moved.contains) ?? false) }
        return changes.flatMap { protected($0) + protectedInNamespace($0) } + limits(counted, estimates, ruleChanges, tagCounts)
    }

    /// Everything that can be held against a saved plan: what it touches, how much, and who asked for it. `desired` is what the specs at
    /// hand say, `earlier` what they said at the commit of `removedSince`; where `owners` stands, a plan's word about the file that asked for
    /// a change is not enough.
    package func refusals(ofSaved plan: Plan, desired: DesiredState? = nil, earlier: DesiredState? = nil) -> [Refusal] {
        let isAsked = { (change: Change) in desired?.asks(for: change) != false || earlier?.asked(before: change) == true }
        let unasked = policy.owners.isEmpty ? [] : plan.changes.filter { !isAsked($0) && !isBackup($0) }.map(notAsked)
        let moved = Set((desired?.moves ?? []).map(\.from))
        return refusals(of: plan.changes, estimates: plan.estimates, moved: moved) + plan.changes.compactMap(notOwned) + unasked
            + withoutEstimate(plan) + (desired.map { declared(plan, in: $0) } ?? [])
    }

    /// What the specs name now is not removed, whatever they were when the plan was made.
    private func declared(_ plan: Plan, in desired: DesiredState) -> [Refusal] {
        plan.changes.filter(\.isRemoval).compactMap { change in
            guard let address = change.target.address else { return nil }
            let tags = (change.target.reference?.tag.map { [$0] } ?? []) + change.consequences.removedTags
            let found = tags.compactMap { tag in desired.origin(naming: tag, in: address).map { (tag, $0) } }
            guard let (_, origin) = found.first else { return nil }
            return Refusal(
                code: "declared",
                message: "'\(change.id)' removes what the specs at hand declare",
                subjects: found.map { "\(address):\($0.0)" },
                origin: origin,
                help: "Plan again."
            )
        }
    }

    /// A put that the policy itself asks for.
    private func isBackup(_ change: Change) -> Bool {
        guard change.kind == .put, let address = change.target.address else { return false }
        return policy.backup?.covers(address) == true && change.origin.file == policy.backup?.origin.file
    }

    private func notAsked(_ change: Change) -> Refusal {
        Refusal(
            code: "not-asked",
            message: "no entry of \(change.origin.file) asks for this, so policy.owners cannot be checked",
            subjects: [change.target.description],
            help: "Plan again with the specs at hand."
        )
    }

    /// A limit of bytes holds only where every put says how many it sends.
    private func withoutEstimate(_ plan: Plan) -> [Refusal] {
        guard policy.limits.upload != nil else { return [] }
        let silent = plan.changes.filter { $0.kind == .put && $0.method != .tag && plan.estimates[$0.id] == nil }
        guard !silent.isEmpty else { return [] }
        return [
            Refusal(
                code: "limit-upload",
                message: "the plan does not say how many bytes it sends, so policy.limits.upload cannot be checked",
                subjects: silent.map(\.target.description),
                help: "Plan again."
            )
        ]
    }

    private func notOwned(_ change: Change) -> Refusal? {
        guard !policy.owners.isEmpty, change.origin.file != policy.workspaceFile else { return nil }
        let may = policy.owners.filter { $0.files.matches(change.origin.file) }.flatMap(\.may)
        let isOwned = may.contains { rule in
            switch change.target {
            case .manifest(let address, .tag(let tag)): tag.companion == nil ? rule.matches(address, tag: tag) : rule.covers(address)
            case .manifest(let address, .digest(let digest)):
                change.kind == .put ? rule.covers(address) : rule.matches(address, digest: digest)
            case .namespace(let registry, let name): OwnerCheck.owns(rule, registry, namespace: name)
            }
        }
        guard !isOwned else { return nil }
        return Refusal(
            code: "not-owner",
            message: "the file \(change.origin.file) may not declare this: policy.owners does not give it these targets",
            subjects: [change.target.description],
            origin: change.origin,
            help: "Move the entry to a file that owns the target, or widen 'may' in policy.owners."
        )
    }

    private func protected(_ change: Change) -> [Refusal] {
        guard change.isMove || change.isRemoval, let address = change.target.address, let reference = change.target.reference else {
            return []
        }
        let tags = (reference.tag.map { [$0] } ?? []) + change.consequences.removedTags
        var found: [Refusal] = []
        for pattern in policy.protect {
            var subjects = tags.filter { pattern.matches(address, tag: $0) }.map { "\(address):\($0)" }
            if let digest = change.oldDigest, pattern.matches(address, digest: digest), pattern.tag == nil, subjects.isEmpty {
                subjects = ["\(address)\(reference.suffix)"]
            }
            guard !subjects.isEmpty else { continue }
            let verb = change.isMove ? "moved" : change.kind == .untag ? "untagged" : "deleted"
            found.append(
                Refusal(
                    code: "protected",
                    message: "policy.protect '\(pattern.text)' (\(pattern.origin)) does not let it be \(verb)",
                    subjects: subjects,
                    origin: change.origin,
                    help: "Take the entry out, or change policy.protect first, in a change of its own."
                )
            )
        }
        guard change.isMove, let tag = reference.tag else { return found }
        for pattern in policy.immutable where pattern.matches(address, tag: tag) {
            found.append(
                Refusal(
                    code: "immutable",
                    message: "policy.immutable '\(pattern.text)' (\(pattern.origin)) does not let the tag be moved",
                    subjects: ["\(address):\(tag)"],
                    origin: change.origin,
                    help: "Give the new content a new tag."
                )
            )
        }
        return found
    }

    /// What goes with a namespace or by a retention policy.
    private func protectedInNamespace(_ change: Change) -> [Refusal] {
        guard let images = change.consequences.images else { return [] }
        if case .namespace(let registry, let name) = change.target, change.setting == .remove, images.isEmpty {
            return policy.protect.filter { $0.isAbout(namespace: name, on: registry) }.map { pattern in
                Refusal(
                    code: "protected",
                    message: "policy.protect '\(pattern.text)' (\(pattern.origin)) is about this namespace, which '\(change.id)' deletes",
                    subjects: [change.target.description],
                    origin: change.origin,
                    help: "Take the entry out, or change policy.protect first, in a change of its own."
                )
            }
        }
        return policy.protect.compactMap { pattern in
            let subjects = images.flatMap { image -> [String] in
                let address = RepositoryAddress(change.target.registry, image.repository)
                let tags = image.tags.filter { pattern.matches(address, tag: $0) }.map { "\(address):\($0)" }
                return tags.isEmpty && pattern.matches(address, digest: image.digest) ? ["\(address)@\(image.digest)"] : tags
            }
            guard !subjects.isEmpty else { return nil }
            return Refusal(
                code: "protected",
                message: "policy.protect '\(pattern.text)' (\(pattern.origin)) does not let '\(change.id)' remove images",
                subjects: subjects,
                origin: change.origin,
                help: "Take the entry out, or change policy.protect first, in a change of its own."
            )
        }
    }

    private func limits(
        _ changes: [Change],
        _ estimates: [ChangeID: Plan.Estimate],
        _ ruleChanges: Set<ChangeID>,
        _ tagCounts: [RepositoryAddress: Int]
    ) -> [Refusal] {
        var found: [Refusal] = []
        let removals = changes.filter { $0.isRemoval || $0.consequences.images != nil }
        // The tags that go with a deleted image count as well: to their users they are just as gone.
        let removed = removals.reduce(0) { $0 + $1.removedNames.count }
        if let limit = policy.limits.deletions, removed > limit {
            found.append(
                Refusal(
                    code: "limit-deletions",
                    message: "the plan removes \(removed) tags and images, more than policy.limits.deletions allows (\(limit))",
                    subjects: removals.flatMap(\.removedNames),
                    help: "Check that all of them are meant; then raise the limit in crplan.yaml, or remove them in several steps."
                )
            )
        }
        if let limit = policy.limits.repositoryShare {
            for (address, removed) in byRule(removals, ruleChanges).sorted(by: { $0.key < $1.key }) {
                guard let count = tagCounts[address], count > 0, removed.count * 100 > limit * count else { continue }
                found.append(
                    Refusal(
                        code: "limit-share",
                        message:
                            "globs and retention remove \(removed.count) of the \(count) tags of \(address), more than "
                            + "policy.limits.repositoryShare allows (\(limit)%)",
                        subjects: removed.sorted(),
                        help: "Name the tags one by one if all of them are meant, or raise the limit in crplan.yaml."
                    )
                )
            }
        }
        let namespaces = changes.filter { $0.setting == .remove }
        if let limit = policy.limits.namespaceDeletions, namespaces.count > limit {
            found.append(
                Refusal(
                    code: "limit-namespaces",
                    message:
                        "the plan removes \(namespaces.count) namespaces with all their images, more than "
                        + "policy.limits.namespaceDeletions allows (\(limit))",
                    subjects: namespaces.map(\.target.description),
                    help: "Check that all of them are meant; then raise the limit in crplan.yaml."
                )
            )
        }
        let upload = estimates.values.reduce(Int64(0)) { sum, estimate in
            let (total, overflow) = sum.addingReportingOverflow(estimate.bytesToSend)
            return overflow ? .max : total
        }
        if let limit = policy.limits.upload, upload > limit {
            found.append(
                Refusal(
                    code: "limit-upload",
                    message: "the plan sends about \(upload) bytes, more than policy.limits.upload allows (\(limit))",
                    help: "Apply it in parts with --target, or raise the limit in crplan.yaml."
                )
            )
        }
        return found
    }

    /// The tags that a rule removes, not an entry that names them, in full.
    private func byRule(_ removals: [Change], _ ruleChanges: Set<ChangeID>) -> [RepositoryAddress: [String]] {
        var names: [RepositoryAddress: [String]] = [:]
        for change in removals {
            if ruleChanges.contains(change.id), let address = change.target.address {
                let tags = change.kind == .untag ? [change.target.description] : change.consequences.removedTags.map { "\(address):\($0)" }
                names[address, default: []] += tags
            }
            for image in change.kind == .retention ? change.consequences.images ?? [] : [] {
                let address = RepositoryAddress(change.target.registry, image.repository)
                names[address, default: []] += image.tags.filter { $0.companion == nil }.map { "\(address):\($0)" }
            }
        }
        return names
    }
}
