internal import OCI
internal import RegistryTestSupport

/// Retention (reference of ICR, section E.3).
extension ICRInstance {
    /// Images said to be older than this, 2013-01-19T00:13:39Z, have no real date: they are kept and do not count.
    static let earliestDate: Int64 = 1_358_554_419

    /// The images of one repository that a policy would put into the trash, sorted by digest.
    func victims(
        of policy: Policy,
        in repository: RegistryContents.Repository,
        at now: Double,
        protectsChildren: Bool = false
    ) -> [Digest] {
        guard policy.imagesPerRepository >= 0 else { return [] }
        let tagged = Set(repository.tags.values)
        let children = protectsChildren ? Set(repository.manifests.keys.flatMap { facts[$0]?.children ?? [] }) : []
        let eligible = repository.manifests.keys.compactMap { digest -> (created: Int64, digest: Digest)? in
            guard let known = facts[digest], !known.isIndex, let created = known.created, created >= Self.earliestDate else { return nil }
            if policy.keepsUntagged, !tagged.contains(digest) { return nil }
            return children.contains(digest) ? nil : (created, digest)
        }
        let newestFirst = eligible.sorted { ($1.created, $0.digest) < ($0.created, $1.digest) }
        let youngest = policy.thresholdDays > 0 ? now - Double(policy.thresholdDays) * Self.secondsOfDay : nil
        return newestFirst.dropFirst(policy.imagesPerRepository)
            .filter { image in youngest.map { Double(image.created) <= $0 } ?? true }
            .map(\.digest)
            .sorted()
    }

    /// By repository.
    func victims(of policy: Policy, in namespace: String, at now: Double, _ switches: ICRSwitches) -> [(RepositoryName, [Digest])] {
        repositories(in: namespace).map { name in
            let repository = contents.repositories[name] ?? .init()
            return (name, victims(of: policy, in: repository, at: now, protectsChildren: switches.protectsChildren))
        }
    }

    /// Puts what the namespace's policy does not keep into the trash.
    mutating func runRetention(in namespace: String, at now: Double, _ switches: ICRSwitches) {
        guard let policy = namespaces[namespace]?.policy else { return }
        for (repository, digests) in victims(of: policy, in: namespace, at: now, switches) {
            for digest in digests {
                guard let document = contents.manifest(.digest(digest), in: repository) else { continue }
                moveToTrash(document, in: repository, at: now, switches)
            }
        }
    }

    /// Replaces the policy, and runs it at once.
    mutating func setPolicy(_ policy: Policy, of namespace: String, at now: Double, _ switches: ICRSwitches) {
        namespaces[namespace]?.policy = policy
        willChange(switches)
        runRetention(in: namespace, at: now, switches)
    }

    /// What time alone does: each day the policies run, each month traffic starts anew, and the trash forgets.
    mutating func advance(to now: Double, _ switches: ICRSwitches) {
        let today = Int((now / Self.secondsOfDay).rounded(.down))
        if let day, day < today {
            for next in (day + 1)...today {
                let midnight = Double(next) * Self.secondsOfDay
                emptyTrash(at: midnight)
                for namespace in namespaces.keys.sorted() { runRetention(in: namespace, at: midnight, switches) }
            }
        }
        day = today
        let thisMonth = String(isoDate(now).prefix(7))
        if let month, month != thisMonth { traffic = 0 }
        month = thisMonth
        emptyTrash(at: now)
    }
}
