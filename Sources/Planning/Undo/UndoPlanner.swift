package import OCI

/// Turns changes that were made into the entries that take them back. Pure, as `Planner` is. What somebody else has changed since stays as
/// it is: only what still holds what crplan made is taken back.
package struct UndoPlanner {
    package enum Step: Sendable {
        case needs(QuestionSet)
        case result(UndoPlan)
    }

    private let made: [MadeChange]
    private let registries: [RegistryID: RegistryDeclaration]
    private let backup: BackupRule?
    private let moves: [MoveEntry]
    private let facts: Facts
    /// The repositories that these changes put something into, and those that they put each digest into.
    private let written: Set<RepositoryAddress>
    private let writtenByDigest: [Digest: Set<RepositoryAddress>]
    private var needs = QuestionSet()
    private var undo: UndoPlan
    /// What comes back, by its place.
    private var broughtBack: [RepositoryAddress: Set<Digest>] = [:]

    private init(
        _ made: [MadeChange],
        _ registries: [RegistryID: RegistryDeclaration],
        _ backup: BackupRule?,
        _ moves: [MoveEntry],
        _ facts: Facts
    ) {
        self.made = made
        self.registries = registries
        self.backup = backup
        self.moves = moves
        self.facts = facts
        var byDigest: [Digest: Set<RepositoryAddress>] = [:]
        for change in made where change.kind == .put && registries[change.target.registry] != nil {
            if let digest = change.after, let address = change.target.address { byDigest[digest, default: []].insert(address) }
        }
        writtenByDigest = byDigest
        written = Set(byDigest.values.joined())
        undo = UndoPlan(desired: DesiredState(), stays: [], undone: [])
        undo.desired.registries = registries
    }

    /// `registries`: those that the specs at hand declare. `backup`, `moves`: theirs too, as an earlier run may have saved what this one
    /// removed.
    package static func step(
        _ made: [MadeChange],
        registries: [RegistryID: RegistryDeclaration],
        backup: BackupRule? = nil,
        moves: [MoveEntry] = [],
        facts: Facts
    ) -> Step {
        var planner = UndoPlanner(made, registries, backup, moves, facts)
        // What was put is taken away only where what it was made from is there, or comes back.
        let isLate = { (change: MadeChange) in change.kind == .put ? 2 : change.kind == .delete && change.tags.isEmpty ? 1 : 0 }
        for late in 0...2 { for change in made where isLate(change) == late { planner.takeBack(change) } }
        guard planner.needs.isEmpty else { return .needs(planner.needs) }
        planner.undo.stays.sort()
        return .result(planner.undo)
    }

    private mutating func takeBack(_ change: MadeChange) {
        guard registries[change.target.registry] != nil else {
            return keepUnnamed(change, change.target.registry)
        }
        switch (change.kind, change.target) {
        case (.put, .manifest(let address, .tag(let tag))): takeBackPut(change, address, tag)
        case (.put, .manifest): keep(change, "other images may need it")
        case (.untag, .manifest(let address, .tag(let tag))):
            if let old = change.before { bringBack(old, [tag], in: address, change) }
        case (.delete, .manifest(let address, .digest(let digest))): bringBack(digest, change.tags, in: address, change)
        case (.restore, _): keep(change, "what came out of the trash stays; its tags are taken back by themselves")
        case (.namespace, _): keep(change, "a namespace is not removed on the way back")
        case (.retention, _): keep(change, "set the policy before it in the spec, and apply that")
        default: keep(change, "this version of crplan does not know the way back")
        }
    }

    private mutating func keep(_ change: MadeChange, _ reason: String) {
        undo.stays.append(UndoPlan.Stays(change: change.id, reason: reason))
    }

    private mutating func keepUnnamed(_ change: MadeChange, _ registry: RegistryID) {
        keep(change, "the specs at hand do not name the registry \(registry); name it there, or give other specs with -f")
    }

    private mutating func takeBackPut(_ change: MadeChange, _ address: RepositoryAddress, _ tag: TagName) {
        guard let now = digest(address, .tag(tag), change) else { return }
        if now == change.before { return undo.undone.append(change) }
        guard now == change.after else { return keep(change, "\(Self.words(now)) now, which this change did not put there") }
        guard let old = change.before else {
            guard isElsewhere(change, address) else { return }
            let scope = RepositoryPattern(registry: address.registry, path: Glob(address.repository.description))
            undo.desired.absences.append(AbsenceEntry(origin: change.origin, scopes: [scope], what: .tag(tag)))
            return undo.undone.append(change)
        }
        declare(old, [tag], in: address, change)
    }

    /// Whether what the put has copied is still where it came from, or will be; otherwise the copy stays, which is reported. `false` too where
    /// that is not known yet.
    private mutating func isElsewhere(_ change: MadeChange, _ address: RepositoryAddress) -> Bool {
        guard let source = change.source, source != address, let image = change.after else { return true }
        if broughtBack[source]?.contains(image) == true { return true }
        guard registries[source.registry] != nil else {
            keepUnnamed(change, source.registry)
            return false
        }
        guard let found = digest(source, .digest(image), change) else { return false }
        guard found == nil else { return true }
        keep(change, "\(source) does not hold the image any more, so this may be the last of it")
        return false
    }

    /// The tags are put on the image again where nothing else has taken them.
    private mutating func bringBack(_ digest: Digest, _ tags: [TagName], in address: RepositoryAddress, _ change: MadeChange) {
        var free: [TagName] = []
        var taken: [String] = []
        for tag in tags {
            guard let now = self.digest(address, .tag(tag), change) else { return }
            // A placeholder stands for the image: the planner puts that back.
            if now == nil || now == change.placeholder { free.append(tag) } else if now != digest { taken.append("\(tag)") }
        }
        if !taken.isEmpty { keep(change, "somebody has put another image under \(taken.joined(separator: ", ")) since") }
        if !free.isEmpty { return declare(digest, free, in: address, change) }
        if !tags.isEmpty {
            if taken.isEmpty { undo.undone.append(change) }
            return
        }
        // An image without a tag: a child of an index, or a signature.
        guard let now = self.digest(address, .digest(digest), change) else { return }
        if now != nil || broughtBack[address]?.contains(digest) == true { return undo.undone.append(change) }
        for place in places(of: digest, from: address) {
            guard let found = self.digest(place, .digest(digest), change) else { return }
            guard found != nil else { continue }
            guard let missing = missingImage(below: digest, in: place, for: address, change) else { return }
            if let missing { return keepBroken(change, digest, missing) }
            undo.desired.returns.append(ReturnEntry(origin: change.origin, source: place, digest: digest, target: address))
            return undo.undone.append(change)
        }
        guard let trashed = trashed(digest, in: address, change) else { return }
        restore(trashed, [], change)
    }

    private mutating func keepBroken(_ change: MadeChange, _ index: Digest, _ missing: Digest) {
        keep(change, "its index \(index.short) names the image \(missing.short), which is not there, and registries take no such index")
    }

    private mutating func declare(_ digest: Digest, _ tags: [TagName], in address: RepositoryAddress, _ change: MadeChange) {
        var source: RepositoryAddress?
        for place in [address] + places(of: digest, from: address) where source == nil {
            guard let found = self.digest(place, .digest(digest), change) else { return }
            if found != nil { source = place }
        }
        guard let source else {
            if let trashed = trashed(digest, in: address, change) { restore(trashed, tags, change) }
            return
        }
        guard let missing = missingImage(below: digest, in: source, for: address, change) else { return }
        if let missing { return keepBroken(change, digest, missing) }
        undo.desired.images.append(
            ImageEntry(
                origin: change.origin,
                source: .reference(source, .digest(digest)),
                targets: [address],
                tags: tags.sorted(),
                rules: TransferRules(referrers: .onCopy)
            )
        )
        undo.undone.append(change)
    }

    /// An image that an index names, however deep, and that its repository lacks. `nil` as of `digest(_:_:_:)`. When all is there, all of it
    /// counts as brought back to `target`.
    private mutating func missingImage(
        below root: Digest,
        in address: RepositoryAddress,
        for target: RepositoryAddress,
        _ change: MadeChange
    ) -> Digest?? {
        if case .found(.head(let head))? = facts[.head(address, .digest(root))], MediaType.isManifest(head.mediaType),
            !MediaType.isIndex(head.mediaType)
        {
            broughtBack[target, default: []].insert(root)
            return .some(nil)
        }
        var isOpen = false
        var open = [root]
        var seen: Set<Digest> = [root]
        while let digest = open.popLast() {
            switch ask(.manifest(address, digest)) {
            case nil: isOpen = true
            case .found(.manifest(let document))?:
                for child in document.index?.manifests ?? []
                where MediaType.isManifest(child.mediaType) && seen.insert(child.digest).inserted {
                    if MediaType.isIndex(child.mediaType) {
                        open.append(child.digest)
                        continue
                    }
                    switch ask(.head(address, .digest(child.digest))) {
                    case nil: isOpen = true
                    case .absent?: return .some(child.digest)
                    case .found?: continue
                    case .unreadable(let error)?:
                        keep(change, error.description)
                        return nil
                    }
                }
            case .found?, .absent?: return .some(digest)
            case .unreadable(let error)?:
                keep(change, error.description)
                return nil
            }
        }
        if isOpen { return nil }
        broughtBack[target, default: []].formUnion(seen)
        return .some(nil)
    }

    /// Where else the image may be: these changes may have put it by itself, as its backup, or with an index, as into the repository that
    /// it was moved to; and so may an earlier run.
    private func places(of digest: Digest, from address: RepositoryAddress) -> [RepositoryAddress] {
        let exact = writtenByDigest[digest] ?? []
        var earlier = Set(moves.filter { $0.from == address }.map(\.to))
        let path = backup?.path(of: address, alias: registries[address.registry]?.alias)
        if let backup, let saved = path.flatMap({ try? RepositoryName($0) }) {
            earlier.insert(RepositoryAddress(backup.to.registry, saved))
        }
        earlier = earlier.filter { registries[$0.registry] != nil }.subtracting(written)
        return (exact.sorted() + written.subtracting(exact).sorted() + earlier.sorted()).filter { $0 != address }
    }

    /// `nil`: it is not there, which is reported, or not known yet.
    private mutating func trashed(_ digest: Digest, in address: RepositoryAddress, _ change: MadeChange) -> TrashedImage? {
        var found: TrashedImage?
        if registries[address.registry]?.kind == .icr {
            switch ask(.administration(address.registry, .trash(of: address.repository.namespace))) {
            case nil: return nil
            case .found(.administration(.trash(let images)))?:
                found = images.first { $0.repository == address.repository && $0.digest == digest }
            case .found?, .absent?, .unreadable?: break
            }
        }
        if found == nil {
            keep(change, "its image \(digest.short) is gone: it is neither in its repository, nor in a backup, nor in a trash")
        }
        return found
    }

    /// By its digest an image comes back with every tag that is free; where others than these would come along, tag by tag.
    private mutating func restore(_ image: TrashedImage, _ tags: [TagName], _ change: MadeChange) {
        let address = RepositoryAddress(change.target.registry, image.repository)
        let wanted = Set(tags)
        let lost = wanted.subtracting(image.tags).sorted()
        if !lost.isEmpty { keep(change, "the trash does not know the image by the tag \(lost[0]) any more") }
        let references: [ManifestReference] =
            Set(image.tags).isSubset(of: wanted) ? [.digest(image.digest)] : wanted.intersection(image.tags).sorted().map { .tag($0) }
        for reference in references {
            undo.desired.restores.append(
                RestoreEntry(origin: change.origin, address: address, reference: reference, digest: image.digest)
            )
        }
        if lost.isEmpty { undo.undone.append(change) }
    }

    /// `nil`: not known yet, or it cannot be read, which is reported; inside, `nil`: nothing is there.
    private mutating func digest(_ address: RepositoryAddress, _ reference: ManifestReference, _ change: MadeChange) -> Digest?? {
        switch ask(.head(address, reference)) {
        case nil: return nil
        case .found(.head(let head))?: return .some(head.digest)
        case .found?, .absent?: return .some(nil)
        case .unreadable(let error)?:
            keep(change, error.description)
            return nil
        }
    }

    private mutating func ask(_ question: Question) -> Answer? {
        if let answer = facts[question] { return answer }
        needs.insert(question)
        return nil
    }

    private static func words(_ digest: Digest?) -> String { digest.map { "it holds \($0.short)" } ?? "it is gone" }
}
