internal import OCI
internal import Planning

/// Where a change stands in the text, and how loud it is.
enum PlanSection: Int, CaseIterable {
    case removes, moves, adds

    var title: String {
        switch self {
        case .removes: "Removes:"
        case .moves: "Moves:"
        case .adds: "Adds:"
        }
    }

    var colour: Styling.Colour {
        switch self {
        case .removes: .red
        case .moves: .yellow
        case .adds: .green
        }
    }
}

extension Change {
    var section: PlanSection {
        switch kind {
        case .untag, .delete: .removes
        case .namespace: isNamespaceRemoval ? .removes : .adds
        case .retention: consequences.images?.isEmpty == false ? .removes : .adds
        case .put: isMove ? .moves : .adds
        case .restore: .adds
        }
    }

    var symbol: String {
        switch section {
        case .removes: kind == .untag ? "-" : "x"
        case .moves: "~"
        case .adds: "+"
        }
    }

    var isNamespaceRemoval: Bool { setting == .remove }

    /// A namespace that is there already gets a resource group.
    var isAssignment: Bool { if case .assign? = setting { true } else { false } }

    /// Within a section.
    var rank: Int {
        switch kind {
        case .delete, .put: 0
        case .untag, .restore: 1
        case .retention: 2
        case .namespace: 3
        }
    }

    /// A signature, attestation or SBOM: stored by digest, or under a tag that names its image.
    var isReferrerPut: Bool { kind == .put && (target.reference?.tag.map { $0.companion != nil } ?? true) }

    /// Everything after the registry: `payments/api:1.0.0`, with a digest cut to 12 digits, also in the tags of companions.
    var path: String {
        switch target {
        case .namespace(_, let name): name.withVisibleControls
        case .manifest(let address, .tag(let tag)): "\(address.repository):\(tag.brief)"
        case .manifest(let address, .digest(let digest)): "\(address.repository)@\(digest.brief)"
        }
    }
}

extension Digest {
    /// `sha256:9f86d081884c`
    var brief: String { "\(algorithm.rawValue):\(short)" }
}

extension TagName {
    /// The tag; a companion's as `sha256-9f86d081884c….sig`.
    var brief: String {
        guard let companion else { return description }
        let digits = companion.subject.prefix { $0 != "-" }.count + 1 + 12
        return "\(companion.subject.prefix(digits))…\(companion.kind.rawValue)"
    }
}
