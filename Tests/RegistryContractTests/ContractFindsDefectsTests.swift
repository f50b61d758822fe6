import OCI
import Registry
import RegistryTestSupport
import Testing

/// The contract must find a registry that misbehaves, or it proves nothing.
@Suite struct ContractFindsDefectsTests {
    struct Defect: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var check: RegistryContract.Check
        var kind: Operation.Kind
        var spoil: @Sendable (inout RegistryContents, Operation) -> Void
    }

    static let defects: [Defect] = [
        Defect(testDescription: "an untag that deletes the image", check: .untaggingTheLastTagKeepsTheManifest, kind: .deleteTag) {
            guard let repository = $1.repository, let tag = $1.reference?.tag else { return }
            if let digest = $0.repositories[repository]?.tags[tag] { _ = $0.deleteManifest(digest, in: repository) }
        },
        Defect(testDescription: "a delete that empties the repository", check: .deletingTakesItsTagsAndNothingElse, kind: .deleteManifest) {
            if let repository = $1.repository { $0.repositories[repository] = nil }
        },
        Defect(testDescription: "a list that lacks a tag", check: .manyTagsAreAllListed, kind: .tags) {
            guard let repository = $1.repository, let tag = $0.tags(in: repository)?.last else { return }
            _ = $0.deleteTag(tag, in: repository)
        },
        Defect(testDescription: "a mount that copies nothing", check: .mountingTakesABlobOver, kind: .mountBlob) {
            for repository in $0.repositories.keys { $0.repositories[repository]?.blobs = [:] }
            _ = $1
        },
        Defect(testDescription: "a blob with other bytes", check: .aBlobComesBackAsItWent, kind: .blob) {
            guard let repository = $1.repository, let digest = $1.reference?.digest else { return }
            $0.repositories[repository]?.blobs[digest]?[0] ^= 1
        },
        Defect(testDescription: "referrers that are forgotten", check: .referrersAreListed, kind: .referrers) {
            guard let repository = $1.repository, var held = $0.repositories[repository] else { return }
            for (digest, document) in held.manifests where document.subject != nil { held.remove(digest) }
            $0.repositories[repository] = held
        },
        Defect(testDescription: "a writer that undoes another's", check: .writersAtOnceLoseNothing, kind: .putManifest) {
            guard let repository = $1.repository, let tag = try? TagName("t0") else { return }
            if $1.reference?.tag != tag { _ = $0.deleteTag(tag, in: repository) }
        },
        Defect(testDescription: "a probe that leaves a trace", check: .probingChangesNothing, kind: .capability) {
            guard let repository = $1.repository, let tag = try? TagName("1") else { return }
            _ = $0.deleteTag(tag, in: repository)
        },
    ]

    @Test(arguments: defects)
    func theCheckFails(_ defect: Defect) async throws {
        let features = Set(RegistryFeature.allCases)
        let capabilities = Dictionary(uniqueKeysWithValues: features.map { ($0, Capability.yes) })
        let contract = RegistryContract("spoilt", capabilities: capabilities, referrersSource: .api) { body in
            let registry = try InMemoryRegistry()
            registry.setHook { operation, registry in
                if operation.kind == defect.kind { registry.update { defect.spoil(&$0, operation) } }
            }
            try await body(registry)
        }
        await #expect(throws: RegistryContract.Violation.self) { try await contract.run(defect.check) }
    }
}
