internal import OCI
internal import Planning
internal import Registry

/// Turns questions into requests, and what comes back into answers.
struct QuestionReader: Sendable {
    let registries: any RegistryDirectory
    let contents: any ContentSource
    let cache: ManifestCache?

    /// 8 MiB: configs of real images have some kilobytes.
    static let largestConfig: Int64 = 8 << 20

    /// How many questions that views answer go together.
    func largestBatch(_ registry: RegistryID?) -> Int {
        guard let registry, let reader = try? registries.registry(registry), reader.hasViews else { return 1 }
        return 1000
    }

    /// Where small requests to the registry run best; `nil`: anywhere.
    func requestExecutor(of registry: RegistryID?) -> (any TaskExecutor)? {
        registry.flatMap { try? registries.registry($0) }?.requestExecutor()
    }

    /// Where the questions are asked; `nil` too for those with large answers, which would hold up others there.
    func executor(for questions: [Question]) -> (any TaskExecutor)? {
        guard questions.count == 1, case .head(let address, _) = questions[0] else { return nil }
        return requestExecutor(of: address.registry)
    }

    /// One answer to each of the questions, which are one or for a view; fewer when the task is cancelled.
    func answers(to questions: [Question]) async -> [Answer] {
        guard questions.count > 1 else { return [await answer(questions[0])] }
        let view = questions[0].repository.flatMap(view)
        var answers: [Answer] = []
        answers.reserveCapacity(questions.count)
        for question in questions where !Task.isCancelled {
            if let answer = Self.answer(question, from: view) { answers.append(answer) } else { answers.append(await answer(question)) }
        }
        return answers
    }

    private typealias View = Result<any RepositoryView, RegistryError>

    /// `nil`: each question takes a request of its own.
    private func view(of address: RepositoryAddress) -> View? {
        do throws(RegistryError) {
            return try registry(address).view(of: address.repository).map(View.success)
        } catch {
            return .failure(error)
        }
    }

    /// `nil`: the question has to be asked by itself.
    private static func answer(_ question: Question, from view: View?) -> Answer? {
        switch (view, question) {
        case (.failure(let error)?, _): return .unreadable(error)
        case (.success(let view)?, .head(_, .tag(let tag))):
            do throws(RegistryError) {
                return try view.head(tag).map { .found(.head($0)) } ?? .absent
            } catch {
                // Where something is missing, the view may have grown old.
                return nil
            }
        case (.success(let view)?, .referrers(_, let digest)):
            do throws(RegistryError) {
                return .found(.referrers(try view.referrers(of: digest).descriptors))
            } catch {
                return .unreadable(error)
            }
        default: return nil
        }
    }

    func answer(_ question: Question) async -> Answer {
        do throws(RegistryError) {
            guard let fact = try await fact(question) else { return .absent }
            return .found(fact)
        } catch {
            return .unreadable(error)
        }
    }

    /// `nil` only where the registry said that the thing is not there.
    private func fact(_ question: Question) async throws(RegistryError) -> Fact? {
        switch question {
        case .head(let address, let reference):
            try await registry(address).head(reference, in: address.repository).map(Fact.head)
        case .tags(let address): try await registry(address).tags(in: address.repository).map(Fact.tags)
        case .repositories(let id): .repositories(try await registries.registry(id).repositories())
        case .digests(let address): try await registry(address).digests(in: address.repository).map(Fact.digests)
        case .manifest(let address, let digest): try await manifest(digest, at: address).map(Fact.manifest)
        case .config(let address, let descriptor): .config(try await config(descriptor, at: address))
        case .referrers(let address, let digest):
            .referrers(try await registry(address).referrers(of: digest, in: address.repository).descriptors)
        case .capability(let feature, let address):
            .capability(try await registry(address).capability(feature, in: address.repository))
        case .probe(let feature, let address):
            .capability(try await registries.registry(address.registry).probe(feature, in: address.repository))
        case .administration(let id, let question):
            try await administration(id, question).map(Fact.administration)
        case .content(let location): try await content(location).map(Fact.content)
        }
    }

    private func registry(_ address: RepositoryAddress) throws(RegistryError) -> any RegistryReader {
        try registries.registry(address.registry)
    }

    private func administration(
        _ id: RegistryID,
        _ question: AdministrationQuestion
    ) async throws(RegistryError) -> AdministrationFact? {
        guard let administration = try registries.registry(id).administration, try await administration.isAvailable() else { return nil }
        return switch question {
        case .namespaces: .namespaces(try await administration.namespaces())
        case .inventory(let namespace): .inventory(NamespaceInventory(try await administration.inventory(of: namespace)))
        case .retention(let namespace): .retention(try await administration.retention(of: namespace))
        case .retentionVictims(let policy, let namespace):
            .retentionVictims(try await administration.retentionVictims(policy, of: namespace))
        case .trash(let namespace): .trash(try await administration.trash(of: namespace))
        case .quota: .quota(try await administration.quota())
        }
    }

    private func manifest(_ digest: Digest, at address: RepositoryAddress) async throws(RegistryError) -> ManifestDocument? {
        if let known = cache?.manifest(digest) { return known }
        let document = try await registry(address).manifest(.digest(digest), in: address.repository)
        if let document { cache?.store(document.bytes, mediaType: document.mediaType, as: digest) }
        return document
    }

    private func content(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection? {
        do throws(RegistryError) {
            return try await contents.inspect(location)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    private func config(_ descriptor: Descriptor, at address: RepositoryAddress) async throws(RegistryError) -> ImageConfiguration {
        if let known = cache?.blob(descriptor.digest) { return ImageConfiguration(decoding: known) }
        let bytes = try await configBytes(descriptor, at: address)
        cache?.store(bytes, mediaType: descriptor.mediaType, as: descriptor.digest)
        return ImageConfiguration(decoding: bytes)
    }

    private func configBytes(_ descriptor: Descriptor, at address: RepositoryAddress) async throws(RegistryError) -> [UInt8] {
        func failure(_ code: RegistryError.Code, _ reason: String) -> RegistryError {
            let object = "\(address)@\(descriptor.digest)"
            return RegistryError(code, action: "read the config", object: object, registry: address.registry, reason: reason)
        }
        guard descriptor.size <= Self.largestConfig else {
            throw failure(.unsupported, "its manifest says it has \(descriptor.size) bytes, and crplan reads configs up to 8 MiB")
        }
        var bytes: [UInt8] = []
        var pieces = try await registry(address).blob(descriptor, from: 0, in: address.repository).makeAsyncIterator()
        while let piece = try await pieces.next() {
            bytes += piece.array
            guard bytes.count <= descriptor.size else { break }
        }
        guard bytes.count == descriptor.size else {
            let served = bytes.count > descriptor.size ? "more" : "\(bytes.count)"
            throw failure(.corrupt, "its manifest says it has \(descriptor.size) bytes, and the registry serves \(served)")
        }
        let digest = Digest.of(bytes, with: descriptor.digest.algorithm)
        guard digest == descriptor.digest else { throw failure(.corrupt, "the registry serves other bytes, with the digest \(digest)") }
        return bytes
    }
}
