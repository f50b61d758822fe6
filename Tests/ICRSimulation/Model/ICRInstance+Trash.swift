internal import OCI
internal import RegistryTestSupport

/// The trash: 30 days, then an image is gone (reference of ICR, sections D.5 and E.1).
extension ICRInstance {
    /// Whole days, rounded up.
    static func daysLeft(_ entry: Trashed, at now: Double) -> Int {
        Int(((entry.deleted + trashSeconds - now) / secondsOfDay).rounded(.up))
    }

    mutating func emptyTrash(at now: Double) {
        trash = trash.filter { $0.value.deleted + Self.trashSeconds > now }
    }

    /// Brings a digest back with those of its tags that are not live; when all are, it comes back without a tag.
    mutating func restoreTags(
        _ reference: ImageReference,
        _ switches: ICRSwitches
    ) throws(ICRProblem) -> (successful: [TagName], unsuccessful: [TagName]) {
        guard let digest = reference.manifest.digest else { throw .badRequest("The image name must include a digest.") }
        let key = TrashKey(repository: reference.repository, digest: digest)
        guard let entry = trash[key] else { throw .unknown("The image in the trash") }
        if switches.restoreChecksQuota, isStorageUsedUp { throw Self.storageUsedUp }
        willChange(switches)
        let live = contents.repositories[reference.repository]?.tags ?? [:]
        let restored = entry.tags.filter { live[$0] == nil }.sorted()
        bringBack(entry, restored, in: reference.repository)
        if !switches.restoreKeepsEntry { trash[key] = nil }
        return (restored, entry.tags.subtracting(restored).sorted())
    }

    /// Brings one tag back with its image; the tag leaves the trash.
    mutating func restore(_ reference: ImageReference, _ switches: ICRSwitches) throws(ICRProblem) {
        guard let tag = reference.tag else { throw .badRequest("The image name must include a tag.") }
        let entries = trash.filter { $0.key.repository == reference.repository && $0.value.tags.contains(tag) }
        let latest = entries.max { ($0.value.deleted, $1.key.digest) < ($1.value.deleted, $0.key.digest) }
        guard let (key, entry) = latest else { throw .unknown("The image in the trash") }
        guard contents.repositories[reference.repository]?.tags[tag] == nil else {
            throw ICRProblem(409, "CRT0500E", "The tagged image already exists.")
        }
        if switches.restoreChecksQuota, isStorageUsedUp { throw Self.storageUsedUp }
        willChange(switches)
        bringBack(entry, [tag], in: reference.repository)
        trash[key]?.tags.remove(tag)
        if trash[key]?.tags.isEmpty == true, !switches.restoreKeepsEntry { trash[key] = nil }
    }

    private mutating func bringBack(_ entry: Trashed, _ tags: [TagName], in repository: RepositoryName) {
        contents.repositories[repository, default: .init()].set(entry.document)
        for tag in tags { contents.repositories[repository]?.tags[tag] = entry.document.digest }
    }
}
