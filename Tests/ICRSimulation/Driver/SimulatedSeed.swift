internal import FoundationEssentials
package import OCI
package import RegistryTestSupport

/// Content for a registry, as a test asks for it. The same seed gives the same digest.
package struct SimulatedSeed: Sendable, Codable {
    package var host: String
    package var repository: String
    package var tags: [String] = []
    package var seed: UInt64 = 1
    /// RFC 3339; nil: without a date.
    package var created: String? = "2026-01-02T03:04:05Z"
    /// Such as `linux/arm64`. More than none: an index over an image for each.
    package var platforms: [String] = []
    /// `oci` or `docker`.
    package var family = "oci"
    package var layerSize = 200
    /// Layers with the same seed are the same layer; nil: two of its own.
    package var layerSeeds: [UInt64]?
    /// One of IBM's public images.
    package var isPublic = false
    /// Without blobs it can be listed, but not pulled.
    package var hasBlobs = true
    /// How many images, with the seeds from `seed` on; the tags of each have its number added.
    package var count = 1

    package init(_ repository: String, host: String = "us.icr.io", tags: [String] = [], seed: UInt64 = 1) {
        self.host = host
        self.repository = repository
        self.tags = tags
        self.seed = seed
    }

    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        func value<Value: Decodable>(_ key: CodingKeys, _ other: Value) throws -> Value {
            try members.decodeIfPresent(Value.self, forKey: key) ?? other
        }
        host = try members.decode(String.self, forKey: .host)
        repository = try members.decode(String.self, forKey: .repository)
        tags = try value(.tags, [])
        seed = try value(.seed, 1)
        created = members.contains(.created) ? try members.decodeIfPresent(String.self, forKey: .created) : "2026-01-02T03:04:05Z"
        platforms = try value(.platforms, [])
        family = try value(.family, "oci")
        layerSize = try value(.layerSize, 200)
        layerSeeds = try members.decodeIfPresent([UInt64].self, forKey: .layerSeeds)
        isPublic = try value(.isPublic, false)
        hasBlobs = try value(.hasBlobs, true)
        count = try value(.count, 1)
    }

    /// The image, or the index, with this number.
    package func sample(_ number: Int = 0) throws -> Sample {
        let seed = seed + UInt64(number)
        let family: Samples.Family = family == "docker" ? .docker : .oci
        guard platforms.isEmpty else {
            let parsed = platforms.map { text in
                let parts = text.split(separator: "/").map(String.init)
                return Platform(os: parts.first ?? "linux", architecture: parts.count > 1 ? parts[1] : "amd64")
            }
            return try Samples.multiPlatform(seed: seed, platforms: parsed, created: created, layerSize: layerSize, family: family)
        }
        let layers = layerSeeds?.map { Samples.bytes(layerSize, seed: $0) }
        return try Samples.image(seed: seed, created: created, layers: layers, layerSize: layerSize, family: family)
    }
}

extension ICRAccount {
    /// The digests that tags were put on, in order.
    @discardableResult
    package mutating func seed(_ seed: SimulatedSeed, at now: Double) throws -> [Digest] {
        let repository = try RepositoryName(seed.repository)
        return try (0..<max(seed.count, 1)).map { number in
            let sample = try seed.sample(number)
            let tags = try seed.tags.map { try TagName(seed.count > 1 ? "\($0)\(number)" : $0) }
            self.seed(
                sample,
                tags: tags,
                in: repository,
                of: seed.host,
                at: now,
                isPublic: seed.isPublic,
                withBlobs: seed.hasBlobs
            )
            return sample.digest
        }
    }
}
