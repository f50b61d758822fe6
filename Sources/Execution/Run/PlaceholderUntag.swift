internal import OCI
internal import Planning
internal import Registry

/// What a tag shows while it is untagged by replacement.
enum PlaceholderSight: Hashable, Sendable {
    case nothing, image, placeholder
    /// Somebody pushed.
    case other(Digest)

    init(_ found: Digest?, image: Digest?, placeholder: Digest) {
        switch found {
        case nil: self = .nothing
        case placeholder?: self = .placeholder
        case let found? where found == image: self = .image
        case let found?: self = .other(found)
        }
    }
}

/// Untags by replacement, where a registry deletes by digest alone (oci-client reference, section 6.3): the tag is put on a placeholder,
/// which is then deleted by its digest. In between, the registry shows the placeholder; so what holds the tag is read before each of the
/// two writes, and the image is put back when the second cannot be made. What a kill leaves, any later run finds (`UntagPlaceholder`).
struct PlaceholderUntag: Sendable {
    struct Ending: Sendable {
        var result: ChangeResult
        var journal: JournalEntry.Result
    }

    let context: RunContext
    let change: Change
    let target: ManifestTarget
    /// What the tag holds by the plan.
    private let old: Digest
    /// What the tag holds already, as an earlier run left it.
    private let found: UntagPlaceholder?

    init(
        _ context: RunContext,
        _ change: Change,
        _ target: ManifestTarget,
        old: Digest,
        found: UntagPlaceholder?
    ) {
        self.context = context
        self.change = change
        self.target = target
        self.old = old
        self.found = found
    }

    func run() async -> ChangeResult {
        do throws(RegistryError) {
            let lease = try await context.interruptible { () async throws(RegistryError) in
                try await target.registry.beginWriting(in: target.address.repository)
            }
            let result: Result<ChangeResult, RegistryError>
            do throws(RegistryError) {
                let (image, placeholder) = try await context.interruptible { () async throws(RegistryError) in try await prepare() }
                result = .success(try await replace(image, by: placeholder))
            } catch {
                result = .failure(error)
            }
            await lease.end()
            return try result.get()
        } catch {
            return ChangeResult(RunContext.outcome(for: error))
        }
    }

    // MARK: Before anything is visible

    /// The image's manifest, kept to put it back, and the placeholder, whose blob is there then. No image: only a placeholder is left of it.
    private func prepare() async throws(RegistryError) -> (image: ManifestDocument?, placeholder: UntagPlaceholder) {
        let image = try await target.registry.manifest(.digest(old), in: target.address.repository)
        if let found, found.digest == old { return (nil, found) }
        guard let image else { throw failure(.notFound, "its image \(old) is gone", help: "plan again") }
        if let found { return (image, found) }
        let placeholder: UntagPlaceholder
        do throws(ManifestDocument.Invalid) {
            placeholder = try UntagPlaceholder(replacing: image, nonce: context.options.nonce())
        } catch {
            throw failure(.rejected, "no placeholder can be made: \(error.description)")
        }
        let body = BlobBody(placeholder.config, at: "the placeholder's config") { offset in
            BlobStream(from: offset, to: placeholder.config.size, cancelled: .cancelledRun) { (offset, count) throws(RegistryError) in
                Array(UntagPlaceholder.blob[Int(offset)..<min(Int(offset) + count, UntagPlaceholder.blob.count)])
            }
        }
        try await target.registry.putBlob(body, into: target.address.repository)
        return (image, placeholder)
    }

    // MARK: The two writes

    /// What is needed to undo it is in the journal before the first.
    private func replace(_ image: ManifestDocument?, by placeholder: UntagPlaceholder) async throws(RegistryError) -> ChangeResult {
        let entry = JournalEntry.Write(change, before: old, after: nil, placeholder: placeholder.digest)
        return try await context.write { () async throws(RegistryError) -> ChangeResult in
            try context.journal.record(.intent(entry))
            let ending = await put(placeholder, over: image)
            // A journal that breaks here stops the run; what this change did stands nevertheless.
            try? context.journal.record(.outcome(entry, ending.journal))
            return ending.result
        }
    }

    private func put(_ placeholder: UntagPlaceholder, over image: ManifestDocument?) async -> Ending {
        do throws(RegistryError) {
            switch try await sight(placeholder) {
            case .nothing: return Ending(result: ChangeResult(.unchanged), journal: .failed)
            case .other(let digest): return pushed(digest, hasWritten: false)
            case .placeholder: return await delete(placeholder, image)
            case .image: break
            }
        } catch {
            return Ending(result: ChangeResult(RunContext.outcome(for: error), hasWritten: false), journal: .failed)
        }
        do throws(RegistryError) {
            try await target.registry.putManifest(placeholder.document, at: target.reference, in: target.address.repository)
        } catch {
            return await afterFailedPut(error, placeholder, image)
        }
        return await delete(placeholder, image)
    }

    /// The write may have arrived though its answer did not: reading settles it.
    private func afterFailedPut(_ cause: RegistryError, _ placeholder: UntagPlaceholder, _ image: ManifestDocument?) async -> Ending {
        do throws(RegistryError) {
            switch try await sight(placeholder) {
            case .nothing, .placeholder: return await delete(placeholder, image)
            case .other(let digest): return await leave(digest, placeholder)
            case .image:
                let mayArrive = cause.code == .unavailable || cause.code == .cancelled
                if mayArrive { return uncertain(cause) }
                return Ending(result: ChangeResult(.failed(cause), hasWritten: false), journal: .failed)
            }
        } catch {
            return uncertain(cause)
        }
    }

    private func delete(_ placeholder: UntagPlaceholder, _ image: ManifestDocument?) async -> Ending {
        do throws(RegistryError) {
            switch try await sight(placeholder, after: .image, within: Proof.putPatience) {
            case .other(let digest): return await leave(digest, placeholder)
            case .image: return await putBack(image, placeholder, because: failure(.badAnswer, "the tag does not show the placeholder"))
            case .nothing, .placeholder: break
            }
            if let image, try await !isThere(image) { return await putBack(image, placeholder, because: Self.imageIsGone(old, change)) }
        } catch {
            return await putBack(image, placeholder, because: error)
        }
        do throws(RegistryError) {
            try await target.registry.deleteManifest(placeholder.digest, in: target.address.repository)
        } catch {
            if error.code == .incomplete { return incomplete(error) }
            // Somebody else was faster: the goal is reached, which the proof will show.
            if error.code != .notFound { return await putBack(image, placeholder, because: refused(error)) }
        }
        return await prove(placeholder, image)
    }

    /// The tag is gone, and its image is still there.
    private func prove(_ placeholder: UntagPlaceholder, _ image: ManifestDocument?) async -> Ending {
        do throws(RegistryError) {
            switch try await sight(placeholder, after: .placeholder, within: Proof.removalPatience) {
            case .nothing: break
            case .image: return pushed(old, hasWritten: true)
            case .other(let digest): return pushed(digest, hasWritten: true)
            case .placeholder:
                let error = failure(.badAnswer, "the registry took the deletion of the placeholder, but the tag still shows it")
                return await putBack(image, placeholder, because: error)
            }
            guard let image, try await !isThere(image) else { return Ending(result: ChangeResult(.done), journal: .done) }
            return Ending(result: ChangeResult(.failed(Self.imageIsGone(old, change)), hasWritten: true), journal: .unknown)
        } catch {
            return uncertain(error)
        }
    }

    // MARK: When it cannot be done

    /// Puts the image back under its tag, unless somebody else has put something there, or the tag is gone after all.
    private func putBack(_ image: ManifestDocument?, _ placeholder: UntagPlaceholder, because cause: RegistryError) async -> Ending {
        do throws(RegistryError) {
            switch try await sight(placeholder) {
            case .nothing: return await prove(placeholder, image)
            case .other(let digest): return pushed(digest, hasWritten: true)
            case .image where cause.code == .badAnswer: break
            case .image: return Ending(result: ChangeResult(.failed(cause), hasWritten: false), journal: .failed)
            case .placeholder: break
            }
            guard let image else { return uncertain(cause) }
            try await target.registry.putManifest(image, at: target.reference, in: target.address.repository)
            guard try await sight(placeholder, after: .placeholder, within: Proof.putPatience) == .image else { return uncertain(cause) }
        } catch {
            return uncertain(cause)
        }
        var error = cause
        error.help = "the tag is on its image again" + (error.help.map { "; \($0)" } ?? "")
        // Whoever looked in between saw the placeholder.
        return Ending(result: ChangeResult(.failed(error), hasWritten: true), journal: .failed)
    }

    /// Somebody pushed to the tag, which stays as it is; the placeholder goes.
    private func leave(_ digest: Digest, _ placeholder: UntagPlaceholder) async -> Ending {
        try? await target.registry.deleteManifest(placeholder.digest, in: target.address.repository)
        return pushed(digest, hasWritten: true)
    }

    private func pushed(_ digest: Digest, hasWritten: Bool) -> Ending {
        let outcome = ExecutionOutcome.stale(expected: old.description, found: digest.description)
        return Ending(result: ChangeResult(outcome, hasWritten: hasWritten), journal: .failed)
    }

    /// The tag leads nowhere, but is still listed.
    private func incomplete(_ error: RegistryError) -> Ending {
        var error = error
        (error.action, error.object) = ("untag", "\(change.target)")
        return Ending(result: ChangeResult(.failed(error), hasWritten: true), journal: .unknown)
    }

    /// The tag may hold the placeholder still.
    private func uncertain(_ error: RegistryError) -> Ending {
        var error = error
        if error.code == .cancelled { error = failure(.cancelled, "the run was interrupted while the tag was on a placeholder") }
        error.help = "the tag may hold a placeholder: run crplan again, which finishes the untag or puts the tag back"
        return Ending(result: ChangeResult(.failed(error), hasWritten: true), journal: .unknown)
    }

    private func failure(_ code: RegistryError.Code, _ reason: String, help: String? = nil) -> RegistryError {
        RegistryError(code, action: "untag", object: "\(change.target)", registry: target.address.registry, reason: reason, help: help)
    }

    /// Said of the tag: nobody knows the placeholder's digest.
    private func refused(_ error: RegistryError) -> RegistryError {
        var refused = error
        (refused.action, refused.object) = ("untag", "\(change.target)")
        refused.reason = "its placeholder cannot be deleted" + (error.reason.isEmpty ? "" : ": \(error.reason)")
        return refused
    }

    static func imageIsGone(_ digest: Digest, _ change: Change) -> RegistryError {
        RegistryError(
            .badAnswer,
            action: "untag",
            object: "\(change.target)",
            registry: change.target.registry,
            reason: "the registry removed the image \(digest) together with its tag",
            help: "restore it from a backup or its source, and report this registry"
        )
    }

    // MARK: Reading

    private func isThere(_ image: ManifestDocument) async throws(RegistryError) -> Bool {
        try await target.at(.digest(image.digest)).digest() != nil
    }

    private func sight(_ placeholder: UntagPlaceholder) async throws(RegistryError) -> PlaceholderSight {
        PlaceholderSight(try await target.digest(), image: old, placeholder: placeholder.digest)
    }

    /// Reads until the tag shows something else than `before`, or `patience` is over.
    private func sight(
        _ placeholder: UntagPlaceholder,
        after before: PlaceholderSight,
        within patience: Duration
    ) async throws(RegistryError) -> PlaceholderSight {
        let seen = Watched<PlaceholderSight>(before)
        let goal = Goal(patience: patience) { () async throws(RegistryError) -> String? in
            let now = try await sight(placeholder)
            seen.update { $0 = now }
            return now == before ? "it is as before" : nil
        }
        _ = try await Proof(clock: context.options.clock, change: change, events: context.events).gap(to: goal)
        return seen.read { $0 }
    }
}
