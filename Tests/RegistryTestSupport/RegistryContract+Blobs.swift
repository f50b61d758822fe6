import OCI
import Registry

/// What the contract says about blobs.
extension RegistryContract.Subject {
    func whatIsNotThereIsNil() async throws {
        let tag = ManifestReference.tag(try TagName("latest"))
        let digest = Digest.sha256(of: [1, 2, 3])
        for repository in [repository, other] {
            try equal(try await registry.head(tag, in: repository), nil, "head of an absent tag")
            try equal(try await registry.head(.digest(digest), in: repository), nil, "head of an absent digest")
            try equal(try await registry.manifest(tag, in: repository), nil, "manifest of an absent tag")
            try equal(try await registry.manifest(.digest(digest), in: repository), nil, "manifest of an absent digest")
            try equal(try await registry.headBlob(digest, in: repository), nil, "size of an absent blob")
            try equal(try await registry.referrers(of: digest, in: repository).descriptors, [], "referrers of an absent digest")
            if repository == self.repository {
                try equal(try await registry.tags(in: repository), nil, "tags of an absent repository")
                try await push(try Samples.image(), ["1"], to: other)
            }
        }
    }

    func anAbsentBlobCannotBeRead() async throws {
        let descriptor = Samples.descriptor(of: [1, 2, 3])
        try await push(try Samples.image(), ["1"])
        try await fails("reading an absent blob", [.notFound]) { () throws(RegistryError) in
            _ = try await registry.blob(descriptor, from: 0, in: repository).collected()
        }
    }

    func blobRoundTrip(_ size: Int) async throws {
        let bytes = Samples.bytes(size, seed: 1)
        let descriptor = Samples.descriptor(of: bytes)
        try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository)
        try equal(try await registry.headBlob(descriptor.digest, in: repository), Int64(size), "the blob's size")
        var found: [UInt8] = []
        for try await piece in try await registry.blob(descriptor, from: 0, in: repository) {
            try require(piece.count <= 1 << 20, "a piece has \(piece.count) bytes, more than 1 MiB")
            found += piece.array
        }
        try require(found == bytes, "the blob came back with \(found.count) other bytes")
    }

    func aBlobIsReadFromAnOffset() async throws {
        let bytes = Samples.bytes(100_000, seed: 1)
        let descriptor = Samples.descriptor(of: bytes)
        try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository)
        for offset in [1, 50_000, 99_999] {
            let found = try await read(descriptor, from: Int64(offset))
            try require(found == Array(bytes[offset...]), "from \(offset): \(found.count) bytes, or others")
        }
        try equal(try await read(descriptor, from: 100_000), [], "from the end")
    }

    func aBlobTwiceIsDone() async throws {
        let bytes = Samples.bytes(100, seed: 1)
        let descriptor = Samples.descriptor(of: bytes)
        for _ in 1...2 { try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository) }
        try equal(try await read(descriptor), bytes, "the blob")
    }

    /// The descriptor is that of 100 other bytes.
    func corruptBody(_ bytes: [UInt8]) async throws {
        let descriptor = Samples.descriptor(of: Samples.bytes(100, seed: 1))
        try await fails("sending other bytes than announced", [.corrupt]) { () throws(RegistryError) in
            try await registry.putBlob(Sample.body(bytes, as: descriptor, pieceSize: 10), into: repository)
        }
        try equal(try await registry.headBlob(descriptor.digest, in: repository), nil, "what is left under the digest announced")
        let sent = try await registry.headBlob(Digest.sha256(of: bytes), in: repository)
        try equal(sent, nil, "what is left under the digest sent")
    }

    func errorsOfTheBodyPassThrough() async throws {
        let bytes = Samples.bytes(100, seed: 1)
        let descriptor = Samples.descriptor(of: bytes)
        let failure = RegistryError(.denied, action: "read", object: "the source", status: 403, reason: "only a test")
        let body = BlobBody(descriptor, at: "the source") { offset in
            BlobStream(bytes, from: offset, pieceSize: 10) { next throws(RegistryError) in if next == 50 { throw failure } }
        }
        do throws(RegistryError) {
            try await registry.putBlob(body, into: repository)
        } catch {
            try equal(error, failure, "the error of the body")
            try equal(try await registry.headBlob(descriptor.digest, in: repository), nil, "what is left of the blob")
            return
        }
        throw RegistryContract.Violation(description: "a body that fails is taken for a success")
    }

    func blobsBelongToTheirRepository() async throws {
        let bytes = Samples.bytes(100, seed: 1)
        let descriptor = Samples.descriptor(of: bytes)
        try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository)
        try equal(try await registry.headBlob(descriptor.digest, in: other), nil, "the blob in another repository")
    }

    func whatIsKnownToBeMissingIsSent() async throws {
        let bytes = Samples.bytes(100, seed: 1)
        let descriptor = Samples.descriptor(of: bytes)
        // The second time it is not true.
        for _ in 1...2 {
            try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository, isKnownMissing: true)
            try equal(try await registry.headBlob(descriptor.digest, in: repository), 100, "the size of the blob")
        }
        try await push(try Samples.image(), ["1"])
        try equal(await registry.lacksTags(in: repository), false, "lacking tags, with one")
    }

    func aStreamNeverExceedsItsDescriptor() async throws {
        let bytes = Samples.bytes(100_000, seed: 1)
        let descriptor = Samples.descriptor(of: bytes)
        try await registry.putBlob(Sample.body(bytes, as: descriptor), into: repository)
        var short = descriptor
        short.size = 50
        do throws(RegistryError) {
            let found = try await registry.blob(short, from: 0, in: repository).collected()
            guard found.count > 50 else { return }
            throw RegistryError(.badAnswer, action: "read", object: "it", reason: "")
        } catch {
            try require(error.code == .corrupt, "a blob larger than its descriptor: \(error), or more bytes than it says")
        }
    }

    func mountingTakesABlobOver() async throws {
        let sample = try Samples.image()
        try await push(sample, ["1"])
        for (digest, bytes) in sample.blobs {
            let descriptor = Descriptor(mediaType: "application/octet-stream", digest: digest, size: Int64(bytes.count))
            let isMounted = try await registry.mountBlob(descriptor, from: repository, into: other)
            try equal(isMounted, can(.mountBlob), "mounting")
            if isMounted { try equal(try await read(descriptor, in: other), bytes, "the mounted blob") }
        }
    }

    func mountingWhatIsNotThereIsFalse() async throws {
        let descriptor = Samples.descriptor(of: [1, 2, 3])
        try equal(try await registry.mountBlob(descriptor, from: repository, into: other), false, "mounting from an absent repository")
        try await push(try Samples.image(), ["1"])
        try equal(try await registry.mountBlob(descriptor, from: repository, into: other), false, "mounting an absent blob")
        try equal(try await registry.headBlob(descriptor.digest, in: other), nil, "the blob that was not mounted")
    }
}
