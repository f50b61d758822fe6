internal import OCI
internal import RegistryTestSupport

/// Namespaces (reference of ICR, sections D.2 and E.5).
extension ICRInstance {
    mutating func answerNamespaces(_ call: ManagementCall, _ account: String, _ switches: ICRSwitches) throws(ICRProblem)
        -> LoopbackReply
    {
        switch call.operation {
        case .listNamespaces: return .value(.array(try visibleNamespaces(call).map(JSONValue.string)))
        case .describeNamespaces: return .value(.array(try visibleNamespaces(call).map { details($0, account) }))
        case .createNamespace(let name): return try createNamespace(name, call, account, switches)
        case .assignNamespace(let name):
            try check(.namespaceConfigure, call)
            guard let group = call.resourceGroup else { throw .badRequest("A resource group must be specified.") }
            guard let known = namespaces[name], known.account == account else { throw .unknown("The namespace") }
            guard known.resourceGroup == nil || known.resourceGroup == group else {
                throw ICRProblem(409, "CRX0409E", "The namespace is assigned to a resource group already.")
            }
            namespaces[name]?.resourceGroup = group
            namespaces[name]?.assigned = known.assigned ?? call.now
            return .value(.object(["namespace": .string(name)]))
        case .deleteNamespace(let name):
            try check(.namespaceConfigure, call)
            guard namespaces[name]?.account == account else { throw .unknown("The namespace") }
            willChange(switches)
            for repository in repositories(in: name) { contents.repositories[repository] = nil }
            trash = trash.filter { $0.key.repository.namespace != name }
            namespaces[name] = nil
            heldNames[name] = call.now + Double(switches.heldNameSeconds)
            return LoopbackReply(204)
        default: throw .unknown("The operation")
        }
    }

    /// Those of the account that the caller may see; somebody without any such right is refused.
    func visibleNamespaces(_ call: ManagementCall) throws(ICRProblem) -> [String] {
        try check(.namespaceList, call)
        return namespaces.keys.filter { name in
            !isPublic(name) && call.caller.may(.namespaceList, host: host, namespace: scope(name))
        }.sorted()
    }

    private mutating func createNamespace(
        _ name: String,
        _ call: ManagementCall,
        _ account: String,
        _ switches: ICRSwitches
    ) throws(ICRProblem) -> LoopbackReply {
        try check(.namespaceConfigure, call)
        guard Self.isNamespaceName(name) else { throw .badRequest("The namespace name '\(name)' is not valid.") }
        let answer = JSONValue.object(["namespace": .string(name)])
        if let known = namespaces[name] {
            guard known.account == account else { throw Self.taken(switches.foreignNamespaceStatus) }
            return .value(answer)
        }
        guard !foreignNamespaces.contains(name), heldNames[name, default: 0] <= call.now else {
            throw Self.taken(switches.foreignNamespaceStatus)
        }
        guard namespaces.values.count(where: { $0.account == account }) < Self.largestNamespaceCount else {
            throw ICRProblem(switches.namespaceLimitStatus, "CRX0429E", "You have reached the limit of 100 namespaces.")
        }
        let group = call.resourceGroup ?? (switches.defaultResourceGroup.isEmpty ? nil : switches.defaultResourceGroup)
        namespaces[name] = Namespace(account: account, resourceGroup: group, created: call.now, assigned: group.map { _ in call.now })
        return .value(answer, status: 201)
    }

    private static func taken(_ status: Int) -> ICRProblem { ICRProblem(status, "CRX0409E", "The namespace name is not available.") }

    /// 4 to 30 of `a-z 0-9 - _`, the first and the last a letter or digit.
    static func isNamespaceName(_ name: String) -> Bool { name.wholeMatch(of: /[a-z0-9][a-z0-9_-]{2,28}[a-z0-9]/) != nil }

    private func details(_ name: String, _ account: String) -> JSONValue {
        guard let known = namespaces[name] else { return .null }
        let changed = known.assigned ?? known.created
        var members: [String: JSONValue] = [
            "account": .string(account), "name": .string(name), "created_date": .string(isoDate(known.created)),
            "updated_date": .string(isoDate(changed)),
        ]
        if let group = known.resourceGroup {
            members["resource_group"] = .string(group)
            members["resource_created_date"] = .string(isoDate(changed))
            members["crn"] = .string("crn:v1:bluemix:public:container-registry:\(host):a/\(account)::namespace:\(name)")
        }
        return .object(members)
    }
}
