package import OCI

/// What must still be so right before a change is made. Read again at apply time; if it does not hold, the change is stale.
package enum Precondition: Hashable, Sendable {
    /// The target is not there.
    case absent
    /// The tag holds this digest.
    case at(Digest)
    /// Exactly these tags of the repository hold the digest that is deleted.
    case tagsOnDigest([TagName])
    /// No kept tag, index or subject of the repository leads to this digest.
    case unneeded(Digest)
    /// The namespace or repository holds exactly these.
    case contents([String])
    /// The namespace is in no resource group.
    case unassigned
    /// The namespace has this retention policy.
    case retention(RetentionPolicy)
    /// The registry's analysis of a retention policy names exactly these.
    case retentionVictims([String])
    /// The registry's trash holds the digest.
    case inTrash(Digest)
    /// A build's inputs are as they were.
    case fingerprint(String)
}
