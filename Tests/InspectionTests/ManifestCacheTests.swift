import Files
import Inspection
import OCI
import RegistryTestSupport
import Testing

/// Runs `body` with a cache in a folder of its own, which is removed afterwards.
func withCache(limit: Int64 = 1 << 30, _ body: (ManifestCache, Folder) async throws -> Void) async throws {
    let temporary = try TemporaryFolder()
    let cache = try #require(ManifestCache(path: temporary.path + "/cache", limit: limit))
    try await body(cache, try Folder(temporary.path + "/cache"))
    _ = temporary
}

@Suite struct ManifestCacheTests {
    private func path(_ digest: Digest) -> String { "sha256/\(digest.encoded.prefix(2))/\(digest.encoded)" }

    @Test func `what is stored comes back, type included`() async throws {
        try await withCache { cache, _ in
            let body = Array(#"{"schemaVersion":2,"config":null,"layers":[]}"#.utf8)
            let digest = Digest.sha256(of: body)
            #expect(cache.manifest(digest) == nil)
            cache.store(body, mediaType: MediaType.ociManifest, as: digest)
            let found = try #require(cache.manifest(digest))
            #expect(found.bytes == body)
            #expect(found.mediaType == MediaType.ociManifest)
            #expect(cache.blob(digest) == body)
        }
    }

    @Test func `a second process sees it`() async throws {
        try await withCache { cache, folder in
            cache.store([1, 2, 3], mediaType: "a/b", as: Digest.sha256(of: [1, 2, 3]))
            let other = try #require(ManifestCache(path: folder.path))
            #expect(other.blob(Digest.sha256(of: [1, 2, 3])) == [1, 2, 3])
        }
    }

    @Test(arguments: ["", "no line feed", "a/b\nother bytes"])
    func `a damaged file is a miss and is removed`(damage: String) async throws {
        try await withCache { cache, folder in
            let digest = Digest.sha256(of: [1, 2, 3])
            cache.store([1, 2, 3], mediaType: "a/b", as: digest)
            try folder.writeAtomically(Array(damage.utf8), to: path(digest))
            #expect(cache.blob(digest) == nil)
            let left = try folder.status(path(digest))
            #expect(left == nil)
        }
    }

    @Test func `what is not a manifest is no manifest`() async throws {
        try await withCache { cache, _ in
            cache.store([1, 2, 3], mediaType: "a/b", as: Digest.sha256(of: [1, 2, 3]))
            #expect(cache.manifest(Digest.sha256(of: [1, 2, 3])) == nil)
        }
    }

    @Test func `a folder that cannot be made means no cache`() throws {
        #expect(ManifestCache(path: "/proc/no/cache") == nil)
    }

    @Test func `what was used longest ago is dropped`() async throws {
        try await withCache(limit: 100_000) { cache, _ in
            let blobs = (0..<12).map { Samples.bytes(10_000, seed: $0) }
            for bytes in blobs {
                cache.store(bytes, mediaType: "a/b", as: Digest.sha256(of: bytes))
                _ = cache.blob(Digest.sha256(of: blobs[0]))
            }
            cache.trim()
            let kept = blobs.map { cache.blob(Digest.sha256(of: $0)) != nil }
            #expect(kept.count { $0 } == 8)
            #expect(kept[0])
            #expect(kept[11])
            #expect(!kept[1])
        }
    }

    @Test func `a cleared cache is empty, and can be used on`() async throws {
        try await withCache { cache, folder in
            for seed in 0..<3 {
                let bytes = Samples.bytes(1000, seed: UInt64(seed))
                cache.store(bytes, mediaType: "a/b", as: Digest.sha256(of: bytes))
            }
            let removed = try ManifestCache.clear(folder.path)
            #expect(removed.count == 3)
            #expect(removed.bytes == 3 * 1004)
            #expect(try folder.walk().allSatisfy { $0.kind != .regular })
            cache.store([1, 2, 3], mediaType: "a/b", as: Digest.sha256(of: [1, 2, 3]))
            #expect(cache.blob(Digest.sha256(of: [1, 2, 3])) == [1, 2, 3])
        }
    }

    @Test func `no temporary file stays behind`() async throws {
        try await withCache { cache, folder in
            cache.store([1, 2, 3], mediaType: "a/b", as: Digest.sha256(of: [1, 2, 3]))
            let files = try folder.walk().filter { $0.kind == .regular }
            #expect(files.count == 1)
        }
    }
}
