internal import OCI

extension PlanningRun {
    /// One manifest below (or at the top of) some content, read where it is now. `known(nil)`: it is not there.
    mutating func document(_ digest: Digest, of content: ResolvedContent, for origin: Origin) -> Lookup<ManifestDocument?> {
        if content.isProvisional { return .waiting }
        if let manifest = content.held?.manifest, manifest.digest == digest { return .known(manifest) }
        if let inspection = content.held?.inspection { return .known(inspection.manifests[digest]) }
        guard case .registry(let address) = content.readable else { return .known(nil) }
        return manifest(address, digest, for: origin)
    }

    /// Below one root; whoever publishes more means us harm.
    private static var mostManifests: Int { 20_000 }

    /// The root and every manifest below it that is there, parents first; the root must be there.
    mutating func documents(of content: ResolvedContent, for origin: Origin) -> Lookup<[ManifestDocument]> {
        var result: [ManifestDocument] = []
        var seen: Set<Digest> = [content.digest]
        var queue: [Digest] = [content.digest]
        var isOpen = false
        while let digest = queue.popLast() {
            switch document(digest, of: content, for: origin) {
            case .waiting: isOpen = true
            case .failed: return .failed
            case .known(nil):
                guard digest == content.digest else { continue }
                error("source-missing", "the manifest \(digest) of \(content.label) is not there any more", at: origin, help: "plan again")
                return .failed
            case .known(let document?):
                result.append(document)
                for child in document.index?.manifests ?? []
                where isManifestOrUnknown(child.mediaType) && seen.insert(child.digest).inserted {
                    queue.append(child.digest)
                }
                guard seen.count <= Self.mostManifests else {
                    error("too-many-manifests", "\(content.label) leads to more than \(Self.mostManifests) manifests", at: origin)
                    return .failed
                }
            }
        }
        return isOpen ? .waiting : .known(result)
    }

    private func isManifestOrUnknown(_ mediaType: String) -> Bool { MediaType.isManifest(mediaType) || mediaType.isEmpty }

    /// Content reduced to some platforms: a new index with the same manifests, or the image itself when it is for one of them.
    mutating func select(_ platforms: [Platform]?, of content: ResolvedContent, for origin: Origin) -> Lookup<ResolvedContent> {
        guard let platforms else { return .known(content) }
        switch document(content.digest, of: content, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(nil):
            error(
                "source-missing",
                "the manifest \(content.digest) of \(content.label) is not there any more",
                at: origin,
                help: "plan again"
            )
            return .failed
        case .known(let document?):
            guard let index = document.index else { return check(platforms, of: content, document, for: origin) }
            return reduce(content, document, index, to: platforms, for: origin)
        }
    }

    /// A single image has its platform in its config.
    private mutating func check(
        _ platforms: [Platform],
        of content: ResolvedContent,
        _ document: ManifestDocument,
        for origin: Origin
    ) -> Lookup<ResolvedContent> {
        guard case .registry(let address) = content.readable, let descriptor = document.image?.config,
            Self.isImageConfig(descriptor.mediaType)
        else { return .known(content) }
        switch config(address, descriptor, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let configuration):
            guard let platform = configuration?.platform, !platforms.contains(where: { $0.covers(platform) }) else {
                return .known(content)
            }
            error(
                "platform-missing",
                "\(content.label) is a single image for \(platform), which 'platforms' does not name",
                at: origin,
                help: "correct 'platforms', or leave it out"
            )
            return .failed
        }
    }

    private mutating func reduce(
        _ content: ResolvedContent,
        _ document: ManifestDocument,
        _ index: ManifestDocument.Index,
        to platforms: [Platform],
        for origin: Origin
    ) -> Lookup<ResolvedContent> {
        let chosen = index.manifests.filter { entry in
            entry.platform.map { platform in platforms.contains { $0.covers(platform) } } ?? false
        }
        for platform in platforms where !chosen.contains(where: { $0.platform.map(platform.covers) ?? false }) {
            let offered = index.manifests.compactMap(\.platform).filter { $0.os != "unknown" }.map(\.description)
            error(
                "platform-missing",
                "\(content.label) has no image for \(platform)",
                at: origin,
                help: "it has \(offered.isEmpty ? "none with a platform" : offered.joined(separator: ", "))"
            )
            return .failed
        }
        let kept = Set(chosen.map(\.digest))
        // Attestations of a chosen image belong to it (BuildKit's `vnd.docker.reference.digest`).
        let positions = index.manifests.indices.filter { position in
            let entry = index.manifests[position]
            if kept.contains(entry.digest) { return true }
            guard let subject = entry.annotations?["vnd.docker.reference.digest"] else { return false }
            return kept.contains { $0.description == subject }
        }
        guard positions.count < index.manifests.count else { return .known(content) }
        let recipe = "platforms \(platforms.map(\.description).joined(separator: ",")) of \(content.digest)"
        guard let reduced = PlatformIndex.reduced(document, keeping: positions) else {
            error("bad-index", "the index \(content.digest) of \(content.label) cannot be reduced to some platforms", at: origin)
            return .failed
        }
        var result = content
        result.identity = .derived(recipe: recipe, reduced.digest)
        result.digest = reduced.digest
        result.mediaType = reduced.mediaType
        result.held = HeldContent(reduced, inspection: content.held?.inspection)
        return .known(result)
    }
}

/// Makes the index for some platforms out of the whole one.
enum PlatformIndex {
    /// The same JSON with only these entries of `manifests`, in canonical form: the same choice gives the same digest, always.
    static func reduced(_ document: ManifestDocument, keeping positions: [Int]) -> ManifestDocument? {
        guard case .object(var members)? = try? JSONValue(parsing: document.bytes), let entries = members["manifests"]?.array else {
            return nil
        }
        members["manifests"] = .array(positions.filter(entries.indices.contains).map { entries[$0] })
        let bytes = Array(JSONValue.object(members).canonicalText.utf8)
        return try? ManifestDocument(bytes: bytes, mediaType: document.mediaType)
    }
}
