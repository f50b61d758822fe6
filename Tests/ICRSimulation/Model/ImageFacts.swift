internal import FoundationEssentials
package import OCI

/// What the registry knows of a manifest beside its bytes; the same digest has the same facts everywhere.
package struct ImageFacts: Hashable, Sendable {
    /// Seconds since 1970, when it was built; nil for indexes, artifacts and images without a date.
    package var created: Int64?
    /// Compressed bytes: manifest, config and layers; of an index, its own alone.
    package var size: Int64
    /// Config and layers, with their sizes: what storage is counted by.
    package var blobs: [Digest: Int64]
    /// The images of an index.
    package var children: [Digest]
    /// In words, as lists show it.
    package var type: String
    package var isIndex: Bool

    /// `config`: the bytes of the config, where they are known.
    init(_ document: ManifestDocument, config: [UInt8]?, indexType: String) {
        isIndex = document.index != nil
        children = document.index?.manifests.map(\.digest) ?? []
        let descriptors = document.image.map { ($0.config.map { [$0] } ?? []) + $0.layers } ?? []
        blobs = Dictionary(descriptors.map { ($0.digest, $0.size) }) { first, _ in first }
        size = Int64(document.bytes.count) + blobs.values.reduce(0, +)
        created = config.flatMap(Self.date)
        switch document.mediaType {
        case MediaType.dockerManifest: type = "Docker Image Manifest V2, Schema 2"
        case MediaType.dockerManifestList: type = "Docker Manifest List"
        default: type = document.index == nil ? "OCI Image Manifest v1" : indexType
        }
    }

    private static func date(of config: [UInt8]) -> Int64? {
        guard let text = (try? JSONValue(parsing: config))?["created"]?.string else { return nil }
        let date =
            (try? Date(text, strategy: .iso8601)) ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        return date.map { Int64($0.timeIntervalSince1970.rounded(.down)) }
    }
}

/// `2026-01-02T03:04:05Z`.
func isoDate(_ seconds: Double) -> String { Date(timeIntervalSince1970: seconds).formatted(.iso8601) }
