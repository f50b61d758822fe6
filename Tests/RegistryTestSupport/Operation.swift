package import OCI

/// One call on a registry, as hooks, faults and counters see it.
package struct Operation: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case head, manifest, tags, repositories, digests, referrers, headBlob, blob
        /// One piece of a blob that is being read; `offset` says which. Not a request.
        case blobPiece
        case capability, checkLogin
        /// One piece of a blob that is being taken in; `offset` says which. Not a request.
        case bodyPiece
        case beginWriting, mountBlob, putBlob, putManifest, deleteTag, deleteManifest
        case probeTagDeletion, probeManifestDeletion

        /// Whether a registry over HTTP would be asked.
        package var isRequest: Bool {
            switch self {
            case .blobPiece, .bodyPiece, .capability, .beginWriting: false
            default: true
            }
        }

        package var isWrite: Bool {
            switch self {
            case .mountBlob, .putBlob, .putManifest, .deleteTag, .deleteManifest: true
            default: false
            }
        }
    }

    package var kind: Kind
    package var repository: RepositoryName?
    /// The tag or digest concerned; for blobs, their digest.
    package var reference: ManifestReference?
    package var offset: Int64

    package init(_ kind: Kind, _ repository: RepositoryName? = nil, _ reference: ManifestReference? = nil, offset: Int64 = 0) {
        self.kind = kind
        self.repository = repository
        self.reference = reference
        self.offset = offset
    }
}
