/// What a `HEAD` on a manifest tells.
package struct ManifestHead: Hashable, Sendable {
    package var digest: Digest
    package var mediaType: String
    /// Bytes of the manifest itself.
    package var size: Int64

    package init(digest: Digest, mediaType: String, size: Int64) {
        self.digest = digest
        self.mediaType = mediaType
        self.size = size
    }
}
