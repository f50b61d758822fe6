import Diagnostics
import Execution
import Files
import Inspection
import Logging
import OCI
import Planning
import Registry
import RegistryTestSupport
import Specification
import Synchronization

/// The way of a spec through crplan: read, planned, applied, taken back; with no file and no program.
struct Machinery {
    /// `us`, as the tests stand before it.
    let registry: any RegistryWriter
    /// The line of the spec that declares `us`.
    let declaration: String
    let saved: InMemoryRegistry

    init(_ registry: any RegistryWriter, declaration: String) throws {
        self.registry = registry
        self.declaration = declaration
        saved = try InMemoryRegistry(host: "saved.example")
    }

    /// Puts everything of the case, as a client would.
    func seed(_ random: RandomCase) async throws {
        for (name, repository) in random.repositories.sorted(by: { $0.key < $1.key }) {
            let name = try RepositoryName(name)
            let lease = try await registry.beginWriting(in: name)
            try await putBlobs(of: repository.images, into: name)
            for image in repository.images {
                let document = image.sample.root
                try await registry.putManifest(document, at: .digest(document.digest), in: name)
                for (tag, digest) in repository.tags.sorted(by: { $0.key < $1.key }) where digest == document.digest {
                    try await registry.putManifest(document, at: .tag(tag), in: name)
                }
            }
            await lease.end()
            for digest in repository.missing { try await registry.deleteManifest(digest, in: name) }
        }
    }

    private func putBlobs(of images: [RandomCase.Image], into name: RepositoryName) async throws {
        let blobs = images.reduce(into: [:]) { $0.merge($1.sample.blobs) { known, _ in known } }
        try await withThrowingTaskGroup(of: Void.self) { [registry] group in
            for (digest, bytes) in blobs {
                let descriptor = Descriptor(mediaType: MediaType.ociLayer, digest: digest, size: Int64(bytes.count))
                group.addTask { try await registry.putBlob(Sample.body(bytes, as: descriptor), into: name) }
            }
            try await group.waitForAll()
        }
    }

    private func read(_ text: String) -> SpecificationResult {
        let file = SpecFile(path: "crplan.yaml", bytes: Array(text.utf8))
        return Specification.read(SpecificationInput(files: [file], mode: .workspace(crplanFile: "crplan.yaml")))
    }

    /// `nil`: two entries of the spec contradict each other.
    func plan(_ entries: Entries, seenThrough hidden: Edge? = nil) async throws -> PlanResult? {
        let spec = read(entries.yaml(registry: declaration))
        guard !spec.diagnostics.hasErrors else {
            guard spec.diagnostics.contains(where: { $0.message.contains("both declared and absent") }) else {
                throw TestSupportError("the spec is wrong: \(spec.diagnostics.map(\.message))\n\(entries.yaml(registry: declaration))")
            }
            return nil
        }
        var options = PlanningOptions()
        options.asOf = PlanningOptions.AsOf(seconds: RandomCase.today * 86_400, text: "today")
        if let earlier = entries.earlierYAML(registry: declaration, source: ("other/r2", try TagName("v-0"))) {
            let desired = read(earlier).desired
            options.removedSince = PlanningOptions.RemovedSince(revision: "HEAD~", desired: desired, deletes: entries.forgottenAreDeleted)
        }
        var planner = Planner(spec.desired, policy: spec.policy, options: options)
        return try await inspector(hidden).answer { facts in
            switch planner.step(facts) {
            case .needs(let questions): .needs(questions)
            case .result(let result): .result(result)
            }
        }
    }

    func apply(_ plan: Plan, seenThrough hidden: Edge? = nil) async throws -> (report: ExecutionReport, journal: Journal) {
        let journal = MemoryJournal()
        let digest = try PlanFile.digest(of: plan)
        let executor = Executor(plan: plan, planDigest: digest, registries: directory(hidden), contents: NoContents(), journal: journal)
        let report = await executor.run()
        return (report, try Journal(journal.entries))
    }

    /// The way back from what a journal says, with the spec's registries.
    func planUndo(of journal: Journal, _ entries: Entries) async throws -> (UndoPlan, PlanResult) {
        let spec = read(entries.yaml(registry: declaration))
        var policy = spec.policy
        policy.allowTakingBack()
        let allowing = policy
        let made = journal.madeChanges(file: "journal")
        let registries = Dictionary(spec.aliases.values.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return try await inspector(nil).answer { facts -> InspectionStep<(UndoPlan, PlanResult)> in
            switch UndoPlanner.step(made, registries: registries, facts: facts) {
            case .needs(let questions): .needs(questions)
            case .result(let undo):
                switch Planner.step(undo.desired, policy: allowing, facts: facts) {
                case .needs(let questions): .needs(questions)
                case .result(let result): .result((undo, result))
                }
            }
        }
    }

    private func directory(_ hidden: Edge?) -> InMemoryDirectory {
        InMemoryDirectory([BlindRegistry(registry: registry, hidden: hidden), saved])
    }

    private func inspector(_ hidden: Edge?) -> Inspector {
        Inspector(registries: directory(hidden), contents: NoContents(), cache: nil, logger: Logger(label: "test"))
    }
}

private final class MemoryJournal: JournalWriting {
    private let held = Mutex<[JournalEntry]>([])

    var entries: [JournalEntry] { held.withLock { $0 } }

    func record(_ entry: JournalEntry, time: Int64) throws(FileError) { held.withLock { $0.append(entry) } }
}

private struct NoContents: ContentSource {
    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection { throw missing(location) }

    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader { throw missing(location) }

    private func missing(_ location: ContentLocation) -> RegistryError {
        RegistryError(.notFound, action: "open", object: location.path, reason: "there is no such file")
    }
}
