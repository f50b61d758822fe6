/// A role of the service; the platform roles mean nothing to it (reference of ICR, section C.5).
package enum ICRRole: String, Hashable, Sendable, Codable, CaseIterable {
    case reader = "Reader", writer = "Writer", manager = "Manager"
}

/// A role, and where it was granted. Nothing but a role: for the whole account.
package struct ICRGrant: Hashable, Sendable, Codable {
    package var role: ICRRole
    package var namespace: String?
    package var resourceGroup: String?
    /// The host of the only registry where it holds.
    package var host: String?

    package init(_ role: ICRRole, namespace: String? = nil, resourceGroup: String? = nil, host: String? = nil) {
        self.role = role
        self.namespace = namespace
        self.resourceGroup = resourceGroup
        self.host = host
    }
}

/// A user, a service ID, or a trusted profile.
package struct ICRIdentity: Hashable, Sendable, Codable {
    package enum Condition: String, Hashable, Sendable, Codable {
        case active, disabled, userGone, suspended
    }

    /// `iam-ServiceId-…`, or `Profile-…`.
    package var id: String
    package var name: String
    package var account: String
    package var condition = Condition.active
    package var apiKeys: Set<String> = []
    /// What a compute resource shows to become this profile.
    package var computeTokens: Set<String> = []
    /// The profiles that it may log in to a registry as.
    package var profiles: Set<String> = []
    package var grants: [ICRGrant] = []

    package init(id: String, name: String? = nil, account: String, apiKeys: Set<String> = [], grants: [ICRGrant] = []) {
        self.id = id
        self.name = name ?? id
        self.account = account
        self.apiKeys = apiKeys
        self.grants = grants
    }
}

/// What an operation needs: the roles of which one is enough.
enum ICRAction: Hashable, Sendable {
    case namespaceList, namespaceConfigure, accountRead, accountConfigure, planRead
    case imageList, imageDelete, imagePush, imagePull, retentionRead, retentionSet

    var roles: Set<ICRRole> {
        switch self {
        case .namespaceList, .imageList, .retentionRead: [.reader, .manager]
        case .namespaceConfigure, .accountConfigure, .planRead: [.manager]
        case .accountRead, .imagePull: [.reader, .writer, .manager]
        case .imageDelete, .imagePush, .retentionSet: [.writer, .manager]
        }
    }

    /// Grants for a namespace or a resource group do not count.
    var isAccountWide: Bool {
        switch self {
        case .namespaceConfigure, .accountConfigure, .planRead: true
        default: false
        }
    }
}

extension ICRIdentity {
    /// `namespace`: its name and resource group; nil: anywhere will do.
    func may(_ action: ICRAction, host: String, namespace: (name: String, resourceGroup: String?)? = nil) -> Bool {
        grants.contains { grant in
            guard action.roles.contains(grant.role), grant.host == nil || grant.host == host else { return false }
            if action.isAccountWide { return grant.namespace == nil && grant.resourceGroup == nil }
            guard let namespace else { return true }
            return (grant.namespace == nil || grant.namespace == namespace.name)
                && (grant.resourceGroup == nil || grant.resourceGroup == namespace.resourceGroup)
        }
    }
}
