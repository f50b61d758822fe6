package import OCI

/// Something the planner must know about the world. A small value, as large plans have millions of them: what is large stands in a box
/// (`indirect`). Equal questions are asked once per run.
package enum Question: Hashable, Sendable {
    /// Which digest a tag, or whether a digest, is there. Answer: `.head`.
    case head(RepositoryAddress, ManifestReference)
    /// All tags. Answer: `.tags`; `absent` when the repository is not there.
    case tags(RepositoryAddress)
    /// All repositories of a registry. Answer: `.repositories`.
    case repositories(RegistryID)
    /// Every manifest of the repository, untagged ones too. Answer: `.digests`; `absent` where the registry cannot list them.
    case digests(RepositoryAddress)
    /// A manifest by digest. Answer: `.manifest`.
    case manifest(RepositoryAddress, Digest)
    /// An image's config, for its creation time and platform. Answer: `.config`.
    indirect case config(RepositoryAddress, Descriptor)
    /// The manifests whose subject is this digest. Answer: `.referrers` (an empty list when there are none).
    case referrers(RepositoryAddress, Digest)
    /// Whether a registry can do something. Answer: `.capability`.
    case capability(RegistryFeature, RepositoryAddress)
    /// The same of `.deleteTag` or `.deleteManifest`, found out by a deletion of what is not there: only where the user allows that.
    /// Answer: `.capability`.
    case probe(RegistryFeature, RepositoryAddress)
    /// Something of a registry's administration. Answer: `.administration`; `absent` where the registry has none, or there is no login for it.
    indirect case administration(RegistryID, AdministrationQuestion)
    /// What a layout or archive outside registries holds. Answer: `.content`.
    indirect case content(ContentLocation)

    /// The registry it goes to; `nil` for local content.
    package var registry: RegistryID? {
        switch self {
        case .head(let address, _), .tags(let address), .digests(let address), .manifest(let address, _), .config(let address, _),
            .referrers(let address, _), .capability(_, let address), .probe(_, let address):
            address.registry
        case .repositories(let registry), .administration(let registry, _): registry
        case .content: nil
        }
    }

    /// The repository it is about, if it is about one.
    package var repository: RepositoryAddress? {
        switch self {
        case .head(let address, _), .tags(let address), .digests(let address), .manifest(let address, _), .config(let address, _),
            .referrers(let address, _), .capability(_, let address), .probe(_, let address):
            address
        case .repositories, .administration, .content: nil
        }
    }
}

/// What an image's config says that planning uses.
package struct ImageConfiguration: Hashable, Sendable {
    package var platform: Platform?
    /// Seconds since 1970; `nil` when the config has no readable date.
    package var created: Int64?

    package init(platform: Platform?, created: Int64?) {
        self.platform = platform
        self.created = created
    }
}

/// The answer to a question. What could not be read is never taken for absent.
package enum Answer: Hashable, Sendable {
    case found(Fact)
    case absent
    indirect case unreadable(RegistryError)
}

package enum Fact: Hashable, Sendable {
    case head(ManifestHead)
    case tags([TagName])
    case repositories([RepositoryName])
    case digests([Digest])
    indirect case manifest(ManifestDocument)
    indirect case config(ImageConfiguration)
    case referrers([Descriptor])
    case capability(Capability)
    indirect case administration(AdministrationFact)
    indirect case content(ContentInspection)
}
