package import OCI

/// What a registry's management API is asked about. Its answers are of the same name.
package enum AdministrationQuestion: Hashable, Sendable {
    /// Those of the account.
    case namespaces
    /// Everything that is live in a namespace.
    case inventory(of: String)
    case retention(of: String)
    /// What this policy would remove now.
    case retentionVictims(RetentionPolicy, of: String)
    case trash(of: String)
    case quota
}

package enum AdministrationFact: Hashable, Sendable {
    case namespaces([NamespaceDetails])
    case inventory(NamespaceInventory)
    case retention(RetentionPolicy)
    case retentionVictims([RetentionVictim])
    case trash([TrashedImage])
    case quota(Quota)
}
