package import OCI

extension PlanningRun {
    /// Edges: a removal comes after every put of its repository and every copy that reads from it.
    mutating func orderChanges() {
        var putsByRepository: [RepositoryAddress: [ChangeID]] = [:]
        for change in changes.values where change.kind == .put {
            if let address = change.target.address { putsByRepository[address, default: []].append(change.id) }
            if let id = change.content, case .registry(let source)? = contents[id]?.origin {
                putsByRepository[source, default: []].append(change.id)
            }
        }
        for (id, change) in changes {
            var after = Set(change.after.filter { changes[$0] != nil })
            if change.isRemoval, let address = change.target.address { after.formUnion(putsByRepository[address] ?? []) }
            changes[id]?.after = after.sorted()
        }
    }

    /// Refuses what the policy does not allow; every tag that is concerned is named.
    mutating func applyPolicy() {
        let planned = sortedChanges
        refusals += PolicyCheck(policy: policy).refusals(
            of: planned,
            estimates: estimates,
            globRemovals: globRemovals,
            tagCounts: tagCounts(planned)
        )
        checkOwners()
    }

    /// How many tags (companions aside) each repository has from which something is removed by a glob.
    private func tagCounts(_ planned: [Change]) -> [RepositoryAddress: Int] {
        var counts: [RepositoryAddress: Int] = [:]
        for address in Set(planned.filter { globRemovals.contains($0.id) }.compactMap(\.target.address)) {
            if case .found(.tags(let tags))? = facts[.tags(address)] { counts[address] = tags.count { $0.companion == nil } }
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

    /// `globRemovals` and `tagCounts` are known while planning alone; a saved plan was held against `repositoryShare` then.
    package func refusals(
        of changes: [Change],
        estimates: [ChangeID: Plan.Estimate],
        globRemovals: Set<ChangeID> = [],
        tagCounts: [RepositoryAddress: Int] = [:]
    ) -> [Refusal] {
        changes.flatMap { protected($0) } + limits(changes, estimates, globRemovals, tagCounts)
    }

    /// Everything that can be held against a saved plan: what it touches, how much, and who asked for it. `desired` is what the specs at
    /// hand say; where `owners` stands, a plan's word about the file that asked for a change is not enough.
    package func refusals(ofSaved plan: Plan, desired: DesiredState? = nil) -> [Refusal] {
        let unasked = policy.owners.isEmpty ? [] : plan.changes.filter { desired?.asks(for: $0) == false }.map(notAsked)
        return refusals(of: plan.changes, estimates: plan.estimates) + plan.changes.compactMap(notOwned) + unasked + withoutEstimate(plan)
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
        guard !policy.owners.isEmpty, change.origin.file != policy.workspaceFile, let address = change.target.address else { return nil }
        let may = policy.owners.filter { $0.files.matches(change.origin.file) }.flatMap(\.may)
        let isOwned = may.contains { rule in
            switch change.target.reference {
            case .tag(let tag)?: tag.companion == nil ? rule.matches(address, tag: tag) : rule.covers(address)
            case .digest(let digest)?: change.kind == .put ? rule.covers(address) : rule.matches(address, digest: digest)
            case nil: false
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

    private func limits(
        _ changes: [Change],
        _ estimates: [ChangeID: Plan.Estimate],
        _ globRemovals: Set<ChangeID>,
        _ tagCounts: [RepositoryAddress: Int]
    ) -> [Refusal] {
        var found: [Refusal] = []
        let removals = changes.filter(\.isRemoval)
        // The tags that go with a deleted image count as well: to their users they are just as gone.
        let removed = removals.reduce(0) { $0 + 1 + $1.consequences.removedTags.count }
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
            let byRepository = Dictionary(grouping: removals.filter { globRemovals.contains($0.id) }) { $0.target.address }
            for (address, removed) in byRepository.sorted(by: { ($0.key?.description ?? "") < ($1.key?.description ?? "") }) {
                guard let address, let count = tagCounts[address], count > 0, removed.count * 100 > limit * count else { continue }
                found.append(
                    Refusal(
                        code: "limit-share",
                        message:
                            "globs remove \(removed.count) of the \(count) tags of \(address), more than policy.limits.repositoryShare "
                            + "allows (\(limit)%)",
                        subjects: removed.map(\.target.description),
                        help: "Name the tags one by one if all of them are meant, or raise the limit in crplan.yaml."
                    )
                )
            }
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
}
