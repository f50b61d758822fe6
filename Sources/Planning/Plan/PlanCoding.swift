internal import OCI

extension Content: Codable {
    private enum CodingKeys: String, CodingKey { case exact, image, built, derived, recipe }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let digest = try container.decodeIfPresent(Digest.self, forKey: .exact) {
            self = .exact(digest)
        } else if let config = try container.decodeIfPresent(Digest.self, forKey: .image) {
            self = .image(config: config)
        } else if let fingerprint = try container.decodeIfPresent(String.self, forKey: .built) {
            self = .built(fingerprint: fingerprint)
        } else {
            self = .derived(
                recipe: try container.decode(String.self, forKey: .recipe),
                try container.decode(Digest.self, forKey: .derived)
            )
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .exact(let digest): try container.encode(digest, forKey: .exact)
        case .image(let config): try container.encode(config, forKey: .image)
        case .built(let fingerprint): try container.encode(fingerprint, forKey: .built)
        case .derived(let recipe, let digest):
            try container.encode(recipe, forKey: .recipe)
            try container.encode(digest, forKey: .derived)
        }
    }
}

extension ContentOrigin: Codable {
    private enum CodingKeys: String, CodingKey { case registry, repository, layout, archive, image, reference }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let path = try container.decodeIfPresent(String.self, forKey: .layout) {
            self = .local(.layout(path: path, reference: try container.decodeIfPresent(String.self, forKey: .reference)))
        } else if let path = try container.decodeIfPresent(String.self, forKey: .archive) {
            self = .local(.archive(path: path, image: try container.decodeIfPresent(String.self, forKey: .image)))
        } else {
            self = .registry(
                RepositoryAddress(
                    try container.decode(RegistryID.self, forKey: .registry),
                    try container.decode(RepositoryName.self, forKey: .repository)
                )
            )
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .registry(let address):
            try container.encode(address.registry, forKey: .registry)
            try container.encode(address.repository, forKey: .repository)
        case .local(.layout(let path, let reference)):
            try container.encode(path, forKey: .layout)
            try container.encodeIfPresent(reference, forKey: .reference)
        case .local(.archive(let path, let image)):
            try container.encode(path, forKey: .archive)
            try container.encodeIfPresent(image, forKey: .image)
        }
    }
}

extension Precondition: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case absent, at, tagsOnDigest, unneeded, contents, unassigned, retention, retentionVictims, inTrash, fingerprint
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let key = container.allKeys.first, container.allKeys.count == 1 else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "an unknown precondition"))
        }
        switch key {
        case .absent:
            guard try container.decode(Bool.self, forKey: key) else {
                throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: "'absent' is always true")
            }
            self = .absent
        case .at: self = .at(try container.decode(Digest.self, forKey: key))
        case .tagsOnDigest: self = .tagsOnDigest(try container.decode([TagName].self, forKey: key))
        case .unneeded: self = .unneeded(try container.decode(Digest.self, forKey: key))
        case .contents: self = .contents(try container.decode([String].self, forKey: key))
        case .unassigned:
            guard try container.decode(Bool.self, forKey: key) else {
                throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: "'unassigned' is always true")
            }
            self = .unassigned
        case .retention: self = .retention(try container.decode(RetentionPolicy.self, forKey: key))
        case .retentionVictims: self = .retentionVictims(try container.decode([String].self, forKey: key))
        case .inTrash: self = .inTrash(try container.decode(Digest.self, forKey: key))
        case .fingerprint: self = .fingerprint(try container.decode(String.self, forKey: key))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .absent: try container.encode(true, forKey: .absent)
        case .at(let digest): try container.encode(digest, forKey: .at)
        case .tagsOnDigest(let tags): try container.encode(tags, forKey: .tagsOnDigest)
        case .unneeded(let digest): try container.encode(digest, forKey: .unneeded)
        case .contents(let names): try container.encode(names, forKey: .contents)
        case .unassigned: try container.encode(true, forKey: .unassigned)
        case .retention(let policy): try container.encode(policy, forKey: .retention)
        case .retentionVictims(let names): try container.encode(names, forKey: .retentionVictims)
        case .inTrash(let digest): try container.encode(digest, forKey: .inTrash)
        case .fingerprint(let value): try container.encode(value, forKey: .fingerprint)
        }
    }
}

extension UndoWay: Codable {
    private enum CodingKeys: String, CodingKey { case way, digest, days, name }
    private enum Way: String, Codable { case remove, retag, trash, backup, setBack, none }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Way.self, forKey: .way) {
        case .remove: self = .remove
        case .retag: self = .retag(try container.decode(Digest.self, forKey: .digest))
        case .trash: self = .trash(days: try container.decode(Int.self, forKey: .days))
        case .backup: self = .backup(try container.decode(String.self, forKey: .name))
        case .setBack: self = .setBack
        case .none: self = .none
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .remove: try container.encode(Way.remove, forKey: .way)
        case .retag(let digest):
            try container.encode(Way.retag, forKey: .way)
            try container.encode(digest, forKey: .digest)
        case .trash(let days):
            try container.encode(Way.trash, forKey: .way)
            try container.encode(days, forKey: .days)
        case .backup(let name):
            try container.encode(Way.backup, forKey: .way)
            try container.encode(name, forKey: .name)
        case .setBack: try container.encode(Way.setBack, forKey: .way)
        case .none: try container.encode(Way.none, forKey: .way)
        }
    }
}

extension NamespaceSetting: Codable {
    private enum CodingKeys: String, CodingKey { case action, resourceGroup, before, after }
    private enum Action: String, Codable { case create, assign, remove, retention }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Action.self, forKey: .action) {
        case .create: self = .create(resourceGroup: try container.decodeIfPresent(String.self, forKey: .resourceGroup))
        case .assign: self = .assign(resourceGroup: try container.decode(String.self, forKey: .resourceGroup))
        case .remove: self = .remove
        case .retention:
            self = .retention(
                before: try container.decode(RetentionPolicy.self, forKey: .before),
                after: try container.decode(RetentionPolicy.self, forKey: .after)
            )
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .create(let group):
            try container.encode(Action.create, forKey: .action)
            try container.encodeIfPresent(group, forKey: .resourceGroup)
        case .assign(let group):
            try container.encode(Action.assign, forKey: .action)
            try container.encode(group, forKey: .resourceGroup)
        case .remove: try container.encode(Action.remove, forKey: .action)
        case .retention(let before, let after):
            try container.encode(Action.retention, forKey: .action)
            try container.encode(before, forKey: .before)
            try container.encode(after, forKey: .after)
        }
    }
}

extension Change: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, kind, registry, repository, tag, digest, namespace, oldDigest, newDigest, content, setting, method, reason, origin,
            consequences,
            undo
        case preconditions, after
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let registry = try container.decode(RegistryID.self, forKey: .registry)
        let target: ChangeTarget
        if let namespace = try container.decodeIfPresent(String.self, forKey: .namespace) {
            target = .namespace(registry, namespace)
        } else {
            let address = RepositoryAddress(registry, try container.decode(RepositoryName.self, forKey: .repository))
            if let tag = try container.decodeIfPresent(TagName.self, forKey: .tag) {
                target = .manifest(address, .tag(tag))
            } else {
                target = .manifest(address, .digest(try container.decode(Digest.self, forKey: .digest)))
            }
        }
        self.init(
            kind: try container.decode(ChangeKind.self, forKey: .kind),
            target: target,
            oldDigest: try container.decodeIfPresent(Digest.self, forKey: .oldDigest),
            newDigest: try container.decodeIfPresent(Digest.self, forKey: .newDigest),
            content: try container.decodeIfPresent(String.self, forKey: .content),
            setting: try container.decodeIfPresent(NamespaceSetting.self, forKey: .setting),
            method: try container.decode(ChangeMethod.self, forKey: .method),
            reason: try container.decode(String.self, forKey: .reason),
            origin: try container.decode(Origin.self, forKey: .origin),
            consequences: try container.decode(Consequences.self, forKey: .consequences),
            undo: try container.decode(UndoWay.self, forKey: .undo),
            preconditions: try container.decode([Precondition].self, forKey: .preconditions),
            after: try container.decode([ChangeID].self, forKey: .after)
        )
        guard try container.decode(ChangeID.self, forKey: .id) == id else {
            throw DecodingError.dataCorruptedError(
                forKey: .id,
                in: container,
                debugDescription: "the id does not fit the change's kind and target"
            )
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(kind, forKey: .kind)
        try container.encode(target.registry, forKey: .registry)
        switch target {
        case .manifest(let address, .tag(let tag)):
            try container.encode(address.repository, forKey: .repository)
            try container.encode(tag, forKey: .tag)
        case .manifest(let address, .digest(let digest)):
            try container.encode(address.repository, forKey: .repository)
            try container.encode(digest, forKey: .digest)
        case .namespace(_, let name): try container.encode(name, forKey: .namespace)
        }
        try container.encodeIfPresent(oldDigest, forKey: .oldDigest)
        try container.encodeIfPresent(newDigest, forKey: .newDigest)
        try container.encodeIfPresent(content, forKey: .content)
        try container.encodeIfPresent(setting, forKey: .setting)
        try container.encode(method, forKey: .method)
        try container.encode(reason, forKey: .reason)
        try container.encode(origin, forKey: .origin)
        try container.encode(consequences, forKey: .consequences)
        try container.encode(undo, forKey: .undo)
        try container.encode(preconditions, forKey: .preconditions)
        try container.encode(after, forKey: .after)
    }
}

extension Plan: Codable {
    private enum CodingKeys: String, CodingKey {
        case formatVersion, source, specFiles, gitCommit, removedSince, asOf, targetFilters, excludeFilters, registries, contents,
            changes, estimates, leftOut, scope
    }

    private struct SourceForm: Codable {
        var workspace: Bool?
        var files: [String]?
    }

    private struct EstimateRow: Codable {
        var change: ChangeID
        var totalBytes: Int64
        var bytesToSend: Int64
        var bytesFreed: Int64?
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let source = try container.decode(SourceForm.self, forKey: .source)
        self.init(source: source.files.map { .files($0) } ?? .workspace)
        specFiles = try container.decode([SpecFile].self, forKey: .specFiles)
        gitCommit = try container.decodeIfPresent(String.self, forKey: .gitCommit)
        removedSince = try container.decodeIfPresent(String.self, forKey: .removedSince)
        asOf = try container.decodeIfPresent(String.self, forKey: .asOf)
        targetFilters = try container.decode([String].self, forKey: .targetFilters)
        excludeFilters = try container.decode([String].self, forKey: .excludeFilters)
        registries = try container.decode([RegistryDeclaration].self, forKey: .registries)
        contents = try container.decode([PlannedContent].self, forKey: .contents)
        changes = try container.decode([Change].self, forKey: .changes)
        leftOut = try container.decode([LeftOut].self, forKey: .leftOut)
        scope = try container.decode(Scope.self, forKey: .scope)
        for row in try container.decode([EstimateRow].self, forKey: .estimates) {
            estimates[row.change] = Estimate(totalBytes: row.totalBytes, bytesToSend: row.bytesToSend, bytesFreed: row.bytesFreed)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.formatVersion, forKey: .formatVersion)
        switch source {
        case .workspace: try container.encode(SourceForm(workspace: true), forKey: .source)
        case .files(let files): try container.encode(SourceForm(files: files), forKey: .source)
        }
        try container.encode(specFiles, forKey: .specFiles)
        try container.encodeIfPresent(gitCommit, forKey: .gitCommit)
        try container.encodeIfPresent(removedSince, forKey: .removedSince)
        try container.encodeIfPresent(asOf, forKey: .asOf)
        try container.encode(targetFilters, forKey: .targetFilters)
        try container.encode(excludeFilters, forKey: .excludeFilters)
        try container.encode(registries, forKey: .registries)
        try container.encode(contents, forKey: .contents)
        try container.encode(changes, forKey: .changes)
        try container.encode(leftOut, forKey: .leftOut)
        try container.encode(scope, forKey: .scope)
        let rows = estimates.sorted { $0.key < $1.key }.map {
            EstimateRow(
                change: $0.key,
                totalBytes: $0.value.totalBytes,
                bytesToSend: $0.value.bytesToSend,
                bytesFreed: $0.value.bytesFreed
            )
        }
        try container.encode(rows, forKey: .estimates)
    }
}
