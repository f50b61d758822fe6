import Logging
import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

/// What crplan writes, other tools read, and the other way round; through Debian's registry with a password and TLS.
@Suite(.timeLimit(.minutes(5))) struct SkopeoTests {
    @Test func bothReadWhatTheOtherWrote() async throws {
        try await withRealRegistry(.init(user: "alice", password: "wonder", tls: true)) { real in
            let settings = HTTPRegistrySettings(id: try real.id, caFile: real.authorityPath)
            let credentials = FixedCredentials(user: "alice", password: "wonder")
            let client = try HTTPRegistry(settings: settings, credentials: credentials, logger: Logger(label: "test"))
            let image = try Samples.image(layers: [Samples.bytes(20 << 20, seed: 1), Samples.bytes(300, seed: 2)])
            let (ours, theirs) = (try RepositoryName("team/ours"), try RepositoryName("team/theirs"))
            let tag = ManifestReference.tag(try TagName("1"))
            do {
                for descriptor in image.root.image?.blobs ?? [] {
                    let bytes = image.blobs[descriptor.digest] ?? []
                    try await client.putBlob(Sample.body(bytes, as: descriptor), into: ours)
                }
                try await client.putManifest(image.root, at: tag, in: ours)
                let login = [
                    "--src-creds", "alice:wonder", "--dest-creds", "alice:wonder", "--src-tls-verify=false", "--dest-tls-verify=false",
                ]
                let places = ["docker://\(real.host)/team/ours:1", "docker://\(real.host)/team/theirs:1"]
                let copy = try await run("skopeo", ["copy", "--preserve-digests"] + login + places)
                #expect(copy.status == 0, "\(copy.stderr)")
                #expect(try await client.manifest(tag, in: theirs) == image.root)
                for descriptor in image.root.image?.blobs ?? [] {
                    #expect(try await client.blob(descriptor, from: 0, in: theirs).collected() == image.blobs[descriptor.digest])
                }
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        }
    }
}
