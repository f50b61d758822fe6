internal import OCI
internal import Planning
internal import Registry

/// Puts one content under the tags, or digests, of several repositories: content first, once for all, then the references.
struct PutJob: Sendable {
    /// The changes of one repository that may still be written.
    private struct Place: Sendable {
        var address: RepositoryAddress
        var registry: any RegistryWriter
        var changes: [Change]

        func holds(_ digest: Digest) async throws(RegistryError) -> Bool {
            try await registry.head(.digest(digest), in: address.repository)?.digest == digest
        }
    }

    private let context: RunContext
    /// Where the source's pulls are limited.
    private let ticket: PullTurns.Ticket?

    init(_ context: RunContext, _ ticket: PullTurns.Ticket?) {
        self.context = context
        self.ticket = ticket
    }

    /// Reports every change by itself, as soon as its outcome is known.
    func run(_ changes: [Change]) async {
        let places = await places(for: changes)
        guard !places.isEmpty else { return }
        do throws(RegistryError) {
            let (source, root) = try await context.interruptible { () async throws(RegistryError) in
                try await open(places)
            }
            if let ticket { context.pulls.leave(ticket) }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [context] in
                    // An interruption ends the readers too, since then every copy is broken off.
                    _ = try? await context.interruptible { () async throws(RegistryError) in
                        await source.runReaders(transfers: context.ledger.transfers, clock: context.options.clock)
                    }
                }
                _ = await concurrently(places, limit: places.count) { await write($0, source, root) }
                source.close()
            }
        } catch {
            for change in places.flatMap(\.changes) { context.finish(change, RunContext.outcome(for: error)) }
        }
    }

    // MARK: Before the content

    /// The repositories to write to; changes that need no content there, or must not be made, are reported here.
    private func places(for changes: [Change]) async -> [Place] {
        let open = await concurrently(changes, limit: 16) { change -> (Change, any RegistryWriter)? in
            do throws(RegistryError) {
                let target = try context.target(of: change, methods: [.copy, .push, .tag])
                var call = TagCall(context, change, target)
                if try await call?.isAvailable() == false { call = nil }
                let (found, result) = try await check(change, target)
                if let result {
                    context.finish(change, result)
                    return nil
                }
                if let result = await call?.run(before: found) {
                    context.finish(change, result)
                    return nil
                }
                return (change, target.registry)
            } catch {
                context.finish(change, RunContext.outcome(for: error))
                return nil
            }
        }
        var places: [RepositoryAddress: Place] = [:]
        for case (let change, let registry)? in open {
            guard let address = change.target.address else { continue }
            places[address, default: Place(address: address, registry: registry, changes: [])].changes.append(change)
        }
        return places.values.sorted { $0.address < $1.address }
    }

    /// What the target holds right now, or a placeholder there stands for, and the result when that ends the change.
    private func check(_ change: Change, _ target: ManifestTarget) async throws(RegistryError) -> (found: Digest?, result: ChangeResult?) {
        let sight = try await context.interruptible { () async throws(RegistryError) in try await target.sight() }
        let result = try TargetCheck(change, found: sight.digest, standsFor: sight.standsFor).result(for: change)
        return (sight.standsFor ?? sight.digest, result)
    }

    private func open(_ places: [Place]) async throws(RegistryError) -> (source: CopySource, root: ManifestDocument) {
        let targets = Set(places.map(\.address))
        guard let change = places.first?.changes.first, let content = change.content.flatMap({ context.contents[$0] }) else {
            throw RegistryError(
                .unsupported,
                action: "apply",
                object: "the plan",
                reason: "a change does not name the content that it puts"
            )
        }
        let source: CopySource
        switch content.origin {
        case .registry(let address):
            let reader = RepositoryContent(try context.registries.registry(address.registry), address.repository)
            source = CopySource(
                reader,
                content.origin,
                targets: targets,
                readings: context.ledger.readings,
                knownManifest: context.options.knownManifest
            )
        case .local(let location):
            let reader = try await context.localContents.open(location)
            source = CopySource(reader, content.origin, targets: targets) { _ in nil }
        }
        if let text = content.manifest { source.keep(try Self.derived(Array(text.utf8), content)) }
        return (source, try await root(of: content, source, places))
    }

    /// The root manifest. Where pulls are limited, all that the job will read is reserved before it reads on.
    private func root(
        of content: PlannedContent,
        _ source: CopySource,
        _ places: [Place]
    ) async throws(RegistryError) -> ManifestDocument {
        guard let ticket else { return try await source.manifest(content.digest) }
        try await context.pulls.wait(for: ticket)
        let own = source.knows(content.digest) ? 0 : 1
        try context.pulls.reserve(own, ticket)
        let root = try await source.manifest(content.digest)
        try context.pulls.reserve(try await missingChildren(of: root, source, places).count, before: own, ticket)
        return root
    }

    /// The manifests below `root` that some target lacks, and which are read for it. What stands below those is known only once they are
    /// read: indexes within indexes are rare, and the registry's own count stops them.
    private func missingChildren(
        of root: ManifestDocument,
        _ source: CopySource,
        _ places: [Place]
    ) async throws(RegistryError) -> Set<Digest> {
        var missing: Set<Digest> = []
        guard let index = root.index else { return missing }
        for place in places where place.address != source.origin {
            if try await place.holds(root.digest) { continue }
            for child in index.manifests where !missing.contains(child.digest) && !MediaType.isForeignLayer(child.mediaType) {
                if source.knows(child.digest) { continue }
                if try await !place.holds(child.digest) { missing.insert(child.digest) }
            }
        }
        return missing
    }

    private static func derived(_ bytes: [UInt8], _ content: PlannedContent) throws(RegistryError) -> ManifestDocument {
        do throws(ManifestDocument.Invalid) {
            return try ManifestDocument(bytes: bytes, mediaType: content.mediaType, algorithm: content.digest.algorithm)
        } catch {
            throw RegistryError(
                .corrupt,
                action: "read",
                object: "the manifest \(content.digest) in the plan",
                reason: error.description.withVisibleControls
            )
        }
    }

    // MARK: One repository

    private func write(_ place: Place, _ source: CopySource, _ root: ManifestDocument) async {
        guard let first = place.changes.first else { return }
        let copy = TargetCopy(
            address: place.address,
            registry: place.registry,
            source: source,
            ledger: context.ledger,
            change: first.id,
            events: context.events
        )
        do throws(RegistryError) {
            let lease = try await context.interruptible { () async throws(RegistryError) in
                try await place.registry.beginWriting(in: place.address.repository)
            }
            do throws(RegistryError) {
                try await context.interruptible { () async throws(RegistryError) in try await copy.copyParts(ofRoot: root, .missingParts) }
                _ = await concurrently(place.changes, limit: 8) { await put(root, $0, place, copy, countingBytes: $0.id == first.id) }
            } catch {
                report(error, place, copy)
            }
            await lease.end()
        } catch {
            source.settle(place.address, root.digest)
            report(error, place, copy)
        }
    }

    private func report(_ error: RegistryError, _ place: Place, _ copy: TargetCopy) {
        for (position, change) in place.changes.enumerated() {
            let bytes = position == 0 ? copy.tally.total : TransferredBytes()
            context.finish(change, ChangeResult(RunContext.outcome(for: error), bytes: bytes))
        }
    }

    private func put(_ root: ManifestDocument, _ change: Change, _ place: Place, _ copy: TargetCopy, countingBytes: Bool) async {
        var result: ChangeResult
        do throws(RegistryError) {
            result = try await putOnce(root, change)
            if case .failed(let error) = result.outcome, !result.hasWritten, TargetCopy.lacksParts(error) {
                try await context.interruptible { () async throws(RegistryError) in try await copy.copyParts(ofRoot: root, .everything) }
                result = try await putOnce(root, change)
            }
        } catch {
            result = ChangeResult(RunContext.outcome(for: error))
        }
        if countingBytes { result.bytes = copy.tally.total }
        context.finish(change, result)
    }

    private func putOnce(_ root: ManifestDocument, _ change: Change) async throws(RegistryError) -> ChangeResult {
        let target = try context.target(of: change, methods: [.copy, .push, .tag])
        // Copying may have taken long: the precondition is read again right before the write.
        let (before, result) = try await check(change, target)
        if let result { return result }
        let write = VisibleWrite(
            context: context,
            change: change,
            goal: .holding(root.digest, at: target),
            before: before,
            after: root.digest
        )
        return await write.perform { () async throws(RegistryError) in
            try await target.registry.putManifest(root, at: target.reference, in: target.address.repository)
        }
    }
}
