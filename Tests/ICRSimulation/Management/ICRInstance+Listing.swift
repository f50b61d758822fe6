internal import OCI
internal import RegistryTestSupport

/// Lists of images, and single ones (reference of ICR, section D.3).
extension ICRInstance {
    /// Tagged images alone; indexes only when they are asked for.
    mutating func listImages(_ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        try check(.imageList, call)
        let shown = staleLists.take() ?? contents
        let (namespaces, repositories) = (call.request.parameters("namespace"), call.request.parameters("repository"))
        let restricted = namespaces + repositories
        let withPrivate = call.flag("includePrivate") ?? true
        let withPublic = call.flag("includeIBM") ?? false
        let withIndexes = call.flag("includeManifestLists") ?? false
        let withVerdicts = call.flag("vulnerabilities") ?? true
        var images: [JSONValue] = []
        for repository in shown.repositories.keys.sorted() {
            let isPublic = isPublic(repository.namespace)
            guard isPublic ? withPublic : withPrivate && may(.imageList, repository, call) else { continue }
            guard restricted.isEmpty || covers(restricted, repository, switches) else { continue }
            for (digest, tags) in Self.tagsByDigest(shown.repositories[repository] ?? .init()).sorted(by: { $0.key < $1.key }) {
                guard let known = facts[digest], withIndexes || !known.isIndex else { continue }
                images.append(image(digest, known, tags, repository, withVerdicts, switches))
            }
        }
        return .value(.array(images))
    }

    private func image(
        _ digest: Digest,
        _ known: ImageFacts,
        _ tags: [TagName],
        _ repository: RepositoryName,
        _ withVerdicts: Bool,
        _ switches: ICRSwitches
    ) -> JSONValue {
        let names = JSONValue.array(tags.map { .string("\(host)/\(repository):\($0)") })
        let document = contents.manifest(.digest(digest), in: repository)
        var members: [String: JSONValue] = [
            "Id": .string((document?.image?.config?.digest ?? digest).description), "ParentId": .string(""),
            "DigestTags": .object([digest.description: names]), "RepoTags": names,
            "RepoDigests": .array([.string(name(repository, digest))]), "Created": .integer(known.created ?? 0),
            "Size": .integer(known.size), "VirtualSize": .integer(known.size), "Labels": .null, "ManifestType": .string(known.type),
        ]
        if withVerdicts {
            members["Vulnerable"] = .string(switches.vulnerable)
            for count in ["VulnerabilityCount", "ConfigurationIssueCount", "IssueCount", "ExemptIssueCount"] {
                members[count] = .integer(0)
            }
        }
        return .object(members)
    }

    /// One element for each digest over all repositories that are asked for, tagged or not.
    mutating func listDigests(_ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        try check(.imageList, call)
        let body = try call.json()
        let shown = staleLists.take() ?? contents
        let restricted = (body["repositories"]?.array ?? []).compactMap(\.string)
        let withoutTagged = body["exclude_tagged"]?.bool ?? false
        let withPublic = body["include_ibm"]?.bool ?? false
        let verdict = self.verdict(isLeftOut: body["exclude_va"]?.bool ?? false, switches)
        var places: [Digest: [String: JSONValue]] = [:]
        for (repository, held) in shown.repositories {
            guard restricted.isEmpty || covers(restricted, repository, switches) else { continue }
            guard isPublic(repository.namespace) ? withPublic : may(.imageList, repository, call) else { continue }
            let tags = Self.tagsByDigest(held)
            for digest in held.manifests.keys {
                let own = tags[digest] ?? []
                if withoutTagged, !own.isEmpty { continue }
                let value: JSONValue =
                    own.isEmpty && switches.untaggedShape == .null
                    ? .null : .object(Dictionary(own.map { ($0.description, verdict) }) { first, _ in first })
                places[digest, default: [:]]["\(host)/\(repository)"] = value
            }
        }
        return .value(.array(places.sorted { $0.key < $1.key }.map { element($0.key, $0.value) }))
    }

    private func element(_ digest: Digest, _ places: [String: JSONValue]) -> JSONValue {
        let known = facts[digest]
        var members: [String: JSONValue] = [
            "id": .string(digest.description), "size": .integer(known?.size ?? 0), "manifestType": .string(known?.type ?? ""),
            "repoTags": .object(places),
        ]
        if let created = known?.created { members["created"] = .integer(created) }
        return .object(members)
    }

    private func verdict(isLeftOut: Bool, _ switches: ICRSwitches) -> JSONValue {
        if isLeftOut { return switches.tagWithoutVerdict == .null ? .null : .object([:]) }
        return .object([
            "issueCount": .integer(0), "vulnerabilityCount": .integer(0), "configurationIssueCount": .integer(0),
            "exemptIssueCount": .integer(0), "vulnerable": .string(switches.vulnerable),
        ])
    }

    /// Whether one of the restrictions (`NS` or `NS/REPO`) names the repository.
    private func covers(_ restrictions: [String], _ repository: RepositoryName, _ switches: ICRSwitches) -> Bool {
        restrictions.contains { text in
            var place = Substring(text)
            let hasHost = place.hasPrefix(host + "/")
            if hasHost { place = place.dropFirst(host.count + 1) }
            switch switches.restriction {
            case .ignored: return true
            case .path where hasHost: return false
            case .host where !hasHost: return false
            case .path, .host, .any: return place == repository.description || place == repository.namespace
            }
        }
    }

    private func may(_ action: ICRAction, _ repository: RepositoryName, _ call: ManagementCall) -> Bool {
        call.caller.may(action, host: host, namespace: scope(repository.namespace))
    }

    mutating func inspect(_ text: String, _ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        let (document, reference) = try readable(text, call, switches)
        if document.index != nil, switches.inspectIndexStatus != 200 {
            throw ICRProblem(switches.inspectIndexStatus, "CRX0415E", "The image cannot be inspected.")
        }
        let config = document.image?.config.flatMap { contents.blob($0.digest, in: reference.repository) } ?? []
        let read = (try? JSONValue(parsing: config)) ?? .object([:])
        let known = facts[document.digest]
        return .value(
            .object([
                "Id": .string((document.image?.config?.digest ?? document.digest).description), "Parent": .string(""),
                "Comment": .string(""), "Created": .string(isoDate(Double(known?.created ?? 0))), "Container": .string(""),
                "DockerVersion": .string(""), "Author": .string(""), "Architecture": read["architecture"] ?? .string(""),
                "Os": read["os"] ?? .string(""), "OsVersion": .string(""), "Size": .integer(known?.size ?? 0),
                "VirtualSize": .integer(known?.size ?? 0), "ManifestType": .string(known?.type ?? ""), "Config": read["config"] ?? .null,
                "ContainerConfig": .object([:]),
                "RootFS": .object(["Type": .string("layers"), "Layers": read["rootfs"]?["diff_ids"] ?? .array([])]),
            ])
        )
    }

    mutating func manifest(_ text: String, _ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        let document = try readable(text, call, switches).document
        return LoopbackReply(200, headers: ["Content-Type": document.mediaType], body: document.bytes)
    }

    private func readable(
        _ text: String,
        _ call: ManagementCall,
        _ switches: ICRSwitches
    ) throws(ICRProblem) -> (document: ManifestDocument, reference: ImageReference) {
        let reference = try reference(text)
        if !isPublic(reference.namespace) { try check(.imageList, call, namespace: reference.namespace) }
        guard let document = contents.manifest(reference.manifest, in: reference.repository) else {
            throw .unknown("The image", switches.unknownImageStatus)
        }
        return (document, reference)
    }
}
