internal import OCI

/// What an untag that was killed left on a tag, and what the tag held before.
struct LeftPlaceholder: Hashable {
    var placeholder: Digest
    /// Nil: the image is gone, so nothing can be put back.
    var replaced: ManifestHead?
}

/// The rule for a tag on which a killed run left a placeholder (`UntagPlaceholder`):
///
/// - It counts as holding the digest that the placeholder names, as long as that image is there: sources, selectors, comparisons and
///   preconditions see that one, here and in apply. With the image gone, the tag holds the placeholder as it would any image.
/// - A tag that still shall go is untagged, and one that shall have other content is put: either takes the placeholder away.
/// - Any other tag is put back, in repositories that the specs write or remove something in. Where they only read, nothing is written.
extension PlanningRun {
    /// The answer to `question`; to what a tag holds, with a placeholder taken for what it stands for.
    mutating func behindPlaceholder(_ question: Question) -> Answer? {
        guard let answer = ask(question) else { return nil }
        guard case .found(.head(let head)) = answer, UntagPlaceholder.mayBe(head),
            case .head(let address, let reference) = question, let tag = reference.tag, kind(of: address.registry) == .oci
        else { return answer }
        guard let content = ask(.manifest(address, head.digest)) else { return nil }
        switch content {
        case .unreadable: return content
        case .found(.manifest(let document)):
            guard let placeholder = UntagPlaceholder(document) else { return answer }
            return replaced(by: placeholder, DeclaredTag(address: address, tag: tag), else: answer)
        case .found, .absent: return answer
        }
    }

    private mutating func replaced(by placeholder: UntagPlaceholder, _ place: DeclaredTag, else answer: Answer) -> Answer? {
        guard let old = ask(.head(place.address, .digest(placeholder.replaced))) else { return nil }
        switch old {
        case .unreadable: return old
        case .found(.head(let head)):
            leftPlaceholders[place] = LeftPlaceholder(placeholder: placeholder.digest, replaced: head)
            return old
        case .found, .absent:
            leftPlaceholders[place] = LeftPlaceholder(placeholder: placeholder.digest, replaced: nil)
            return answer
        }
    }

    /// Puts right what was found on the way, and says so.
    mutating func repairPlaceholders() {
        for (place, left) in leftPlaceholders.sorted(by: { $0.key < $1.key }) {
            guard isSelected(place.address, place.tag), let origin = origin(forWriting: place) else { continue }
            let target = ChangeTarget.manifest(place.address, .tag(place.tag))
            let found = "\(place.address):\(place.tag) holds a placeholder that an untag left which did not come to its end"
            guard let replaced = left.replaced else {
                note("placeholder-found", "\(found), and its image is gone", at: origin)
                continue
            }
            if changes[Change.id(.untag, target)] != nil {
                note("placeholder-found", "\(found); this plan finishes it", at: origin)
            } else if changes[Change.id(.put, target)] == nil, mayPutBack(place) {
                note("placeholder-found", "\(found); this plan puts the tag back on \(replaced.digest.short)", at: origin)
                putBack(replaced, target, over: left.placeholder, origin)
            }
        }
    }

    /// Not when the entry that declares the tag is in trouble, which is reported.
    private func mayPutBack(_ place: DeclaredTag) -> Bool {
        guard let declaration = declarations[place.address, place.tag] else { return true }
        switch declaration.state {
        case .inPlace, .kept: return true
        case .waiting, .failed, .unreadable, .missing, .toPut, .refused: return false
        }
    }

    /// The entry for which the repository may be written; `nil`: it is only read.
    private func origin(forWriting place: DeclaredTag) -> Origin? {
        if let declaration = declarations[place.address, place.tag] { return declaration.origin }
        let declared = declarations.tags(in: place.address).values.map(\.origin)
        let absent = desired.absences.filter { $0.scopes.contains { $0.matches(place.address) } }.map(\.origin)
        let pruned = desired.prunes.filter { $0.covers(place.address) }.map(\.origin)
        let moved = desired.moves.filter { $0.from == place.address || $0.to == place.address }.map(\.origin)
        return (declared + absent + pruned + moved).min()
    }

    private mutating func putBack(_ replaced: ManifestHead, _ target: ChangeTarget, over placeholder: Digest, _ origin: Origin) {
        guard let address = target.address else { return }
        let content = ResolvedContent(replaced.digest, mediaType: replaced.mediaType, in: address, as: .digest(replaced.digest))
        put(content, at: target, over: placeholder, origin, reason: "put back, as an untag did not come to its end")
        // The placeholder is nothing to go back to.
        changes[Change.id(.put, target)]?.undo = .retag(replaced.digest)
    }
}
