internal import Diagnostics
internal import OCI
internal import Planning

extension SpecDecoder {
    mutating func decodeRegistries(_ document: SpecDocument) {
        let registries = document.root["registries"]?.mapping
        for name in registries?.broken ?? [] { rules.names.addBroken(name) }
        for entry in registries?.entries ?? [] {
            guard let mapping = entry.node.mapping, let id = registryID(mapping, document.file) else {
                rules.names.addBroken(entry.key)
                continue
            }
            if let first = rules.names.definition(of: entry.key) {
                diagnostics.append(.duplicate("registry '\(entry.key)'", at: entry.keyRange, first: first))
                continue
            }
            if let other = rules.names.aliasOfRegistry[id], let first = rules.names.aliases[other] {
                diagnostics.append(
                    .error(
                        "duplicate-registry",
                        "'\(entry.key)' and '\(other)' are both \(id)",
                        at: entry.keyRange,
                        help: "keep one alias for each registry",
                        related: [Diagnostic.Related(message: "'\(other)' is declared here", range: first.range)]
                    )
                )
            }
            rules.names.add(alias: entry.key, declaration(id, entry, mapping, document.file), at: entry.keyRange)
        }
    }

    private mutating func registryID(_ mapping: SpecMapping, _ file: String) -> RegistryID? {
        if let path = mapping["path"]?.text { return try? RegistryID(layout: Self.path(path, in: file)) }
        return resolved(mapping["host"]) { host throws(ReferenceProblem) in try RegistryNames.registry(host: host) }
    }

    private mutating func declaration(
        _ id: RegistryID,
        _ entry: SpecMapping.Entry,
        _ mapping: SpecMapping,
        _ file: String
    ) -> RegistryDeclaration {
        func path(_ node: SpecNode?) -> String? { node?.text.map { Self.path($0, in: file) } }
        var declaration = RegistryDeclaration(id: id, alias: entry.key, kind: kind(of: id, mapping))
        declaration.plainHTTP = mapping["plainHTTP"]?.boolean ?? false
        declaration.caFile = path(mapping["caFile"])
        declaration.insecureSkipVerify = mapping["insecureSkipVerify"]?.boolean ?? false
        if let certificate = mapping["clientCertificate"]?.mapping, let certFile = path(certificate["certFile"]),
            let keyFile = path(certificate["keyFile"])
        {
            declaration.clientCertificate = RegistryDeclaration.ClientCertificate(certFile: certFile, keyFile: keyFile)
        }
        declaration.endpoint = endpoint(mapping["endpoint"], declaration.kind)
        declaration.credentials = credentials(mapping["credentials"], file)
        declaration.untag = mapping["untag"]?.text.flatMap(RegistryDeclaration.Untag.init) ?? .refuse
        let limits = mapping["limits"]?.mapping
        declaration.limits = RegistryDeclaration.Limits(
            connections: limits?["connections"]?.integer,
            requestsPerSecond: limits?["requestsPerSecond"]?.integer,
            pulls: limits?["pulls"]?.integer
        )
        declaration.account = mapping["account"]?.text
        declaration.isPrivate = mapping["private"]?.boolean ?? false
        checkKind(declaration, mapping)
        checkTransport(declaration, mapping)
        return declaration
    }

    private mutating func kind(of id: RegistryID, _ mapping: SpecMapping) -> RegistryKind {
        let implied = RegistryDeclaration(undeclared: id).kind
        guard let node = mapping["kind"], let kind = node.text.flatMap(RegistryKind.init) else {
            if id.isLayout, !mapping.broken.contains("kind"), let path = mapping["path"] {
                report("missing-key", "a registry with a path lacks 'kind: layout'", path.range, "add 'kind: layout'")
            }
            return implied
        }
        if (kind == .layout) != id.isLayout {
            let help = kind == .layout ? "give a path instead of a host" : "write 'kind: layout', or give a host instead of a path"
            report("conflicting-keys", "a registry of kind \(kind) has no \(kind == .layout ? "host" : "path")", node.range, help)
        }
        return kind
    }

    /// One address alone is that of everything.
    private func endpoint(_ node: SpecNode?, _ kind: RegistryKind) -> RegistryDeclaration.Endpoint? {
        if let url = node?.text {
            return kind == .icr ? .init(content: url, management: url, iam: url) : .init(content: url)
        }
        guard let mapping = node?.mapping, let content = mapping["content"]?.text else { return nil }
        return RegistryDeclaration.Endpoint(content: content, management: mapping["management"]?.text, iam: mapping["iam"]?.text)
    }

    private func credentials(_ node: SpecNode?, _ file: String) -> CredentialsDeclaration {
        if node?.text != nil { return .anonymous }
        guard let mapping = node?.mapping else { return .automatic }
        if let username = mapping["usernameEnv"]?.text, let password = mapping["passwordEnv"]?.text {
            return .variables(username: username, password: password)
        }
        if let name = mapping["apiKeyEnv"]?.text { return .apiKeyVariable(name) }
        if let path = mapping["apiKeyFile"]?.text { return .apiKeyFile(Self.path(path, in: file)) }
        if let name = mapping["bearerTokenEnv"]?.text { return .bearerTokenVariable(name) }
        if let profile = mapping["trustedProfile"]?.mapping, let id = profile["idOrName"]?.text, let path = profile["tokenFile"]?.text {
            return .trustedProfile(idOrName: id, tokenFile: Self.path(path, in: file))
        }
        return .automatic
    }

    /// Keys that mean nothing for the kind are mistakes, not decoration.
    private mutating func checkKind(_ declaration: RegistryDeclaration, _ mapping: SpecMapping) {
        let onlyLayout: Set<String> = ["path", "kind"]
        for entry in mapping.entries {
            switch declaration.kind {
            case .layout where !onlyLayout.contains(entry.key) && entry.key != "host":
                report("wrong-kind", "'\(entry.key)' does not belong to a registry of kind layout", entry.keyRange, "take it out")
            case .oci where ["account", "private"].contains(entry.key): reportICR("'\(entry.key)'", entry.keyRange)
            case .oci where entry.key == "endpoint":
                for inner in entry.node.mapping?.entries ?? [] where inner.key != "content" {
                    reportICR("'endpoint.\(inner.key)'", inner.keyRange)
                }
            case .oci where entry.key == "credentials":
                for inner in entry.node.mapping?.entries ?? [] where !["usernameEnv", "passwordEnv"].contains(inner.key) {
                    reportICR("'credentials.\(inner.key)'", inner.keyRange)
                }
            default: continue
            }
        }
    }

    private mutating func reportICR(_ key: String, _ range: SourceRange) {
        report("wrong-kind", "\(key) belongs to a registry of kind icr", range, "take it out, or write 'kind: icr' if this is one")
    }

    /// What is said of TLS and of plain HTTP must agree: nobody talks plain text by accident.
    private mutating func checkTransport(_ declaration: RegistryDeclaration, _ mapping: SpecMapping) {
        if declaration.plainHTTP {
            for key in ["caFile", "clientCertificate", "insecureSkipVerify"] {
                if let entry = mapping.entry(key), entry.node.boolean != false {
                    report(
                        "conflicting-keys",
                        "'\(key)' concerns TLS, and 'plainHTTP: true' does without",
                        entry.keyRange,
                        "take one of them out"
                    )
                }
            }
        }
        guard let node = mapping["endpoint"], let endpoint = declaration.endpoint else { return }
        let isPlain = endpoint.content.hasPrefix("http://")
        if isPlain, !declaration.plainHTTP, declaration.kind == .oci {
            report(
                "conflicting-keys",
                "the endpoint is plain HTTP and the registry is not",
                node.range,
                "write https://, or add 'plainHTTP: true'"
            )
        } else if !isPlain, declaration.plainHTTP {
            report(
                "conflicting-keys",
                "the registry is plain HTTP and the endpoint is not",
                node.range,
                "write http://, or take 'plainHTTP' out"
            )
        }
    }

    mutating func decodeGroups(_ document: SpecDocument) {
        let groups = document.root["groups"]?.mapping
        for name in groups?.broken ?? [] { rules.names.addBroken(name) }
        var decoded: [(SpecMapping.Entry, [RepositoryPrefix])] = []
        for entry in groups?.entries ?? [] {
            if let first = rules.names.definition(of: entry.key) {
                diagnostics.append(.duplicate("'\(entry.key)'", at: entry.keyRange, first: first))
                continue
            }
            decoded.append((entry, members(of: entry, groupNames: Set(groups?.entries.map(\.key) ?? []))))
        }
        // Only now: a group may not stand in another.
        for (entry, members) in decoded { rules.names.add(group: entry.key, members, at: entry.keyRange) }
    }

    private mutating func members(of entry: SpecMapping.Entry, groupNames: Set<String>) -> [RepositoryPrefix] {
        var members: [RepositoryPrefix] = []
        for node in entry.node.list ?? [] {
            guard let text = node.text else { continue }
            let first = String(ReferenceRules.split(text).first)
            if rules.names.groups[first] != nil || (groupNames.contains(first) && rules.names.aliases[first] == nil) {
                report("nested-group", "'\(first)' is a group; a group holds registries", node.range, "list its registries")
                continue
            }
            let rules = rules
            for member in resolved(node, { text throws(ReferenceProblem) in try rules.prefixes(text) }) ?? [] {
                if members.contains(member) {
                    report("duplicate-member", "'\(text)' stands in the group twice", node.range, "take one of them out")
                } else {
                    members.append(member)
                }
            }
        }
        return members
    }

    /// Fills in the registries that are used.
    mutating func finishRegistries() {
        for id in uses.byEntries.union(uses.byPolicy) { desired.registries[id] = rules.names.declaration(of: id) }
    }

    /// What was said of a registry matters only when it is used.
    func relevant(_ found: [UnavailableUse]) -> [Diagnostic] {
        found.filter { use in
            guard let alias = use.alias, let id = rules.names.aliases[alias]?.declaration.id else { return true }
            return desired.registries[id] != nil && desired.registries[id]?.alias == alias
        }
        .map(\.diagnostic)
    }
}
