import OCI
import Registry

/// What the contract says about manifests and tags.
extension RegistryContract.Subject {
    func manifestRoundTrip(_ sample: Sample) async throws {
        try await push(sample, ["1.0"])
        for document in sample.manifests {
            let found = try await registry.manifest(.digest(document.digest), in: repository)
            try equal(found?.bytes, document.bytes, "the bytes of \(document.digest)")
            try equal(found?.mediaType, document.mediaType, "the type of \(document.digest)")
        }
        let tag = ManifestReference.tag(try TagName("1.0"))
        try equal(try await registry.manifest(tag, in: repository), sample.root, "the manifest of the tag")
        let expected = ManifestHead(digest: sample.digest, mediaType: sample.root.mediaType, size: Int64(sample.root.bytes.count))
        try equal(try await registry.head(tag, in: repository), expected, "the head of the tag")
        try equal(try await registry.head(.digest(sample.digest), in: repository), expected, "the head of the digest")
        for (digest, bytes) in sample.blobs {
            try equal(try await registry.headBlob(digest, in: repository), Int64(bytes.count), "the size of \(digest)")
        }
    }

    func aManifestByDigestHasNoTag() async throws {
        let sample = try Samples.image()
        try await push(sample)
        try require(try await isHere(sample.digest), "a manifest put by digest is not there")
        try equal(try await registry.tags(in: repository) ?? [], [], "the tags")
    }

    func aManifestTwiceIsDone() async throws {
        let sample = try Samples.image()
        for _ in 1...2 { try await push(sample, ["1"]) }
        try equal(try await digest("1"), sample.digest, "the tag")
        try equal(try await registry.tags(in: repository)?.count, 1, "the number of tags")
    }

    func incompleteIsRefused(_ sample: Sample) async throws {
        try await push(try Samples.image(seed: 77), ["other"])
        try await fails("putting a manifest before what it needs", [.rejected, .notFound]) { () throws(RegistryError) in
            try await registry.putManifest(sample.root, at: .digest(sample.digest), in: repository)
        }
        let tag = try TagName("1")
        try await fails("tagging a manifest before what it needs", [.rejected, .notFound]) { () throws(RegistryError) in
            try await registry.putManifest(sample.root, at: .tag(tag), in: repository)
        }
        try equal(try await digest("1"), nil, "the tag of the refused manifest")
        try require(try await !isHere(sample.digest), "the refused manifest is there")
        try await push(sample, ["1"])
        try equal(try await digest("1"), sample.digest, "the tag, once everything is there")
    }

    func aManifestAtAnotherDigestIsRefused() async throws {
        let sample = try Samples.image()
        try await push(sample)
        let wrong = Digest.sha256(of: [9])
        try await fails("a manifest under another digest", [.rejected, .corrupt]) { () throws(RegistryError) in
            try await registry.putManifest(sample.root, at: .digest(wrong), in: repository)
        }
        try require(try await !isHere(wrong), "a manifest stands under another digest")
    }

    func aTagMoves() async throws {
        let (old, new) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await push(old, ["stable", "1"])
        try await push(new, ["stable"])
        try equal(try await digest("stable"), new.digest, "the moved tag")
        try equal(try await digest("1"), old.digest, "the other tag")
        try require(try await isHere(old.digest), "the old manifest is gone")
    }

    func tagsAreSortedAndComplete() async throws {
        let sample = try Samples.image()
        let signature = try Samples.cosignSignature(of: sample.digest)
        try await push(sample, ["b", "1.10", "1.9", "B", "_x", "a.b-c"])
        try await push(signature.sample, [signature.tag.description])
        let expected = try ["1.10", "1.9", "B", "_x", "a.b-c", "b"].map { try TagName($0) } + [signature.tag]
        try equal(try await registry.tags(in: repository), expected, "the tags")
    }

    func manyTagsAreAllListed() async throws {
        let tags = (0..<120).map { "v\($0)" }
        try await push(try Samples.image(), tags)
        try equal(try await registry.tags(in: repository)?.map(\.description), tags.sorted(), "the tags")
    }

    func untaggingKeepsTheRest() async throws {
        let (first, second) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await push(first, ["a", "b"])
        try await push(second, ["c"])
        let tag = try TagName("a")
        guard can(.deleteTag) else {
            try await fails("untagging", [.unsupported]) { () throws(RegistryError) in try await registry.deleteTag(tag, in: repository) }
            try equal(try await digest("a"), first.digest, "the tag that cannot be removed")
            return
        }
        for _ in 1...2 { try await registry.deleteTag(tag, in: repository) }
        try equal(try await digest("a"), nil, "the removed tag")
        try equal(try await digest("b"), first.digest, "another tag of the image")
        try equal(try await digest("c"), second.digest, "the tag of another image")
        try equal(try await registry.tags(in: repository)?.map(\.description), ["b", "c"], "the tags left")
    }

    func untaggingTheLastTagKeepsTheManifest() async throws {
        let sample = try Samples.multiPlatform()
        try await push(sample, ["a"])
        let tag = try TagName("a")
        guard can(.deleteTag) else { return }
        try await registry.deleteTag(tag, in: repository)
        try equal(try await digest("a"), nil, "the removed tag")
        for document in sample.manifests { try require(try await isHere(document.digest), "\(document.digest) went with its last tag") }
        for digest in sample.blobs.keys {
            try require(try await registry.headBlob(digest, in: repository) != nil, "blob \(digest) went with the last tag")
        }
    }

    func deletingTakesItsTagsAndNothingElse() async throws {
        let (first, second) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        try await push(first, ["a", "b"])
        try await push(second, ["c"])
        guard can(.deleteManifest) else {
            try await fails("deleting", [.unsupported]) { () throws(RegistryError) in
                try await registry.deleteManifest(first.digest, in: repository)
            }
            try equal(try await digest("a"), first.digest, "the image that cannot be deleted")
            return
        }
        for _ in 1...2 { try await registry.deleteManifest(first.digest, in: repository) }
        try equal(try await digest("a"), nil, "a tag of the deleted image")
        try equal(try await digest("b"), nil, "a tag of the deleted image")
        try require(try await !isHere(first.digest), "the deleted image is there")
        try equal(try await registry.tags(in: repository)?.map(\.description), ["c"], "the tags left")
        try equal(try await digest("c"), second.digest, "the other image's tag")
        for digest in second.blobs.keys {
            try require(try await registry.headBlob(digest, in: repository) != nil, "a blob of the other image is gone")
        }
    }
}
