import FoundationEssentials
import OCI
import RegistryTestSupport
import Testing

/// Debian's docker-registry as `lab` in a workspace that has a folder of layouts, `disk`, beside it. What is there is read by skopeo.
struct Lab: Sendable {
    let registry: RealRegistry
    let scenario: Scenario
    var disk: String { "\(scenario.folder)/disk" }

    /// Writes a `crplan.yaml` with `entries`. `lab` may be reached through a proxy; a tag there is removed by a placeholder.
    func write(_ entries: String, port: Int? = nil) throws {
        try scenario.write(
            """
            registries:
            \(registry.declaration("lab", port: port, "untag: placeholder"))
              disk: {kind: layout, path: ../disk}
            \(entries)
            """
        )
    }

    func fill(_ repository: String, _ images: [String: Sample]) throws {
        for (tag, sample) in images { try Content.store(sample, tags: [tag], in: repository, of: registry) }
    }

    /// Expects these tags and no others, each with all of its image, down to the blobs.
    func expect(_ repository: String, holds images: [String: Sample], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        #expect(try await Skopeo.tags(repository, of: registry) == Set(images.keys), sourceLocation: sourceLocation)
        for (tag, sample) in images {
            let reference = "\(repository):\(tag)"
            #expect(try await Skopeo.digest(reference, of: registry) == sample.digest, "\(reference)", sourceLocation: sourceLocation)
            // skopeo copies no index of signatures, such as a fallback tag holds.
            guard sample.root.index?.manifests.allSatisfy({ $0.artifactType == nil }) ?? true else { continue }
            try await withTemporaryDirectory { try await Skopeo.take(reference, of: registry, to: "dir:\($0)") }
        }
    }

    func expect(_ repository: String, lacks samples: [Sample], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for sample in samples {
            let found = try await Skopeo.digest("\(repository)@\(sample.digest)", of: registry)
            #expect(found == nil, sourceLocation: sourceLocation)
        }
    }

    /// Every manifest of a repository, tagged or not, which docker-registry itself does not tell.
    func manifests(_ repository: String) throws -> Set<String> {
        let folder = "\(registry.storagePath)/docker/registry/v2/repositories/\(repository)/_manifests/revisions/sha256"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return Set(names.filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)/link") })
    }

    /// The file of a blob in the registry's storage.
    func blobPath(_ digest: Digest) -> String {
        "\(registry.storagePath)/docker/registry/v2/blobs/sha256/\(digest.encoded.prefix(2))/\(digest.encoded)/data"
    }
}

func withLab(_ entries: String = "", _ body: @escaping @Sendable (Lab) async throws -> Void) async throws {
    try await withRealRegistry { registry in
        try await withScenario { scenario in
            let lab = Lab(registry: registry, scenario: scenario)
            try lab.write(entries)
            try await body(lab)
        }
    }
}
