internal import OCI

extension PlanningRun {
    /// Carries signatures, attestations and SBOMs along: manifests whose subject is the image (or one of an index's children, or one of
    /// those referrers), and cosign's companion tags.
    mutating func carryReferrers() {
        for (declared, declaration) in declarations.all {
            guard let content = declaration.content, case .registry(let source) = content.readable, source != declared.address else {
                continue
            }
            let isPut: Bool
            switch declaration.state {
            case .inPlace: isPut = false
            case .toPut: isPut = true
            case .waiting, .failed, .kept, .refused: continue
            }
            guard declaration.rules.referrers == .always || (declaration.rules.referrers == .onCopy && isPut) else { continue }
            carry(content, from: source, to: declared, declaration, isPut: isPut)
        }
    }

    private mutating func carry(
        _ content: ResolvedContent,
        from source: RepositoryAddress,
        to declared: DeclaredTag,
        _ declaration: Declaration,
        isPut: Bool
    ) {
        let origin = declaration.origin
        guard case .known(let sourceTags) = tags(source, for: origin), case .known(let api) = capability(.referrersAPI, source) else {
            return
        }
        let companions = (sourceTags ?? []).filter { $0.companion != nil }
        // Without the API every referrer stands behind a fallback tag, so the list tells at once that there is none.
        guard api != .no || !companions.isEmpty else { return }
        guard case .known(let subjects) = subjects(of: content, for: origin) else { return }
        let put = Change.id(.put, .manifest(declared.address, .tag(declared.tag)))
        for subject in subjects {
            if api != .no || companions.contains(.companion(of: subject, .referrers)) {
                carryManifests(of: subject, from: source, to: declared.address, after: isPut ? put : nil, content, origin)
            }
            for kind in [TagName.Companion.Kind.signature, .attestation, .sbom] {
                let tag = TagName.companion(of: subject, kind)
                if companions.contains(tag) {
                    carryTag(tag, from: source, to: declared.address, after: isPut ? put : nil, content, declaration)
                }
            }
        }
    }

    /// The image and, for an index, its children.
    private mutating func subjects(of content: ResolvedContent, for origin: Origin) -> Lookup<[Digest]> {
        // A reduced index is crplan's own: nothing refers to it, but its children keep what refers to them.
        let own = content.identity.isDerived ? [] : [content.digest]
        guard content.mediaType.isEmpty || MediaType.isIndex(content.mediaType) else { return .known(own) }
        switch document(content.digest, of: content, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(let document): return .known(own + (document?.index?.manifests.map(\.digest) ?? []))
        }
    }

    private mutating func carryManifests(
        of subject: Digest,
        from source: RepositoryAddress,
        to target: RepositoryAddress,
        after put: ChangeID?,
        _ content: ResolvedContent,
        _ origin: Origin,
        depth: Int = 0
    ) {
        guard depth < Self.deepestReferrer, case .known(let there?) = referrers(source, subject, for: origin), !there.isEmpty else {
            return
        }
        guard case .known(let here) = referrers(target, subject, for: origin) else { return }
        let present = Set((here ?? []).map(\.digest))
        for referrer in there {
            var next = put
            if !present.contains(referrer.digest) {
                var referring = content
                referring.identity = .exact(referrer.digest)
                referring.digest = referrer.digest
                referring.mediaType = referrer.mediaType
                referring.manifest = nil
                referring.inspection = nil
                referring.origin = .registry(source)
                referring.label = "\(source)@\(referrer.digest)"
                referring.follows = nil
                let at = ChangeTarget.manifest(target, .digest(referrer.digest))
                let id = Change.id(.put, at)
                self.put(referring, at: at, over: nil, origin, reason: "refers to \(subject.short)")
                if let put, changes[id]?.after.contains(put) == false { changes[id]?.after.append(put) }
                next = id
            }
            carryManifests(of: referrer.digest, from: source, to: target, after: next, content, origin, depth: depth + 1)
        }
    }

    /// Referrers of referrers are followed this far.
    private static let deepestReferrer = 4

    /// Cosign's tags are ordinary tags that change as signatures are added, so the source's is the wanted one.
    private mutating func carryTag(
        _ tag: TagName,
        from source: RepositoryAddress,
        to target: RepositoryAddress,
        after put: ChangeID?,
        _ content: ResolvedContent,
        _ declaration: Declaration
    ) {
        guard declarations[target, tag] == nil else { return }
        guard case .known(let found?) = resolve(source, .tag(tag), for: declaration.origin) else { return }
        var companion = Declaration(
            content: found,
            origin: declaration.origin,
            rules: TransferRules(referrers: .never),
            state: .waiting
        )
        companion.state = settle(companion, target, tag)
        declarations[target, tag] = companion
        guard case .toPut(let old) = companion.state else { return }
        self.put(found, at: .manifest(target, .tag(tag)), over: old, declaration.origin, reason: "a companion of \(content.digest.short)")
        if let put { changes[Change.id(.put, .manifest(target, .tag(tag)))]?.after.append(put) }
    }
}
