import Execution
import FoundationEssentials
import Logging
import OCI
import Registry
import RegistryHTTP
import RegistryLayout
import RegistryTestSupport
import Testing

extension FaultMatrixTests {
    @Test func `24: an untag where the registry allows no deletes fails before any write`() async throws {
        let sample = try Samples.image()
        let repository = try RepositoryName(FaultyCopy.repository)
        try await withRealRegistry(RealRegistry.Options(deletes: false)) { real in
            try await withCountingProxy(to: real.port) { proxy in
                let settings = HTTPRegistrySettings(id: try RegistryID(host: proxy.host), plainHTTP: true)
                let client = try HTTPRegistry(settings: settings, credentials: FixedCredentials(), logger: Logger(label: "test"))
                for (digest, bytes) in sample.blobs.sorted(by: { $0.key < $1.key }) {
                    let descriptor = Samples.descriptor(of: bytes)
                    try #require(descriptor.digest == digest)
                    try await client.putBlob(Sample.body(bytes, as: descriptor), into: repository)
                }
                for tag in ["1.0", "other"] {
                    try await client.putManifest(sample.root, at: .tag(try TagName(tag)), in: repository)
                }
                proxy.forget()
                let error = await #expect(throws: RegistryError.self) {
                    try await client.deleteTag(TagName("1.0"), in: repository)
                }
                #expect(error?.code == .unsupported)
                #expect(!proxy.requests.contains { $0.method == "PUT" || $0.method == "POST" })
                let still = try await client.head(.tag(TagName("1.0")), in: repository)
                #expect(still?.digest == sample.digest)
                await client.shutdown()
            }
        }
    }

    @Test func `25: a symlinked blob in a layout is refused`() async throws {
        try await withTemporaryDirectory { folder in
            try await withFaultyCopy { copy in
                let layout = LayoutRegistry(id: try RegistryID(layout: folder), root: folder)
                let repository = try copy.repository()
                for bytes in copy.sample.blobs.values {
                    try await layout.putBlob(Sample.body(bytes), into: repository)
                }
                try await layout.putManifest(copy.sample.root, at: .tag(copy.tag()), in: repository)
                // The same bytes, but behind a link that leads out.
                let digits = copy.layer.description.dropFirst("sha256:".count)
                let blob = "\(folder)/\(repository)/blobs/sha256/\(digits)"
                try FileManager.default.moveItem(atPath: blob, toPath: "\(folder)/elsewhere")
                try FileManager.default.createSymbolicLink(atPath: blob, withDestinationPath: "\(folder)/elsewhere")
                let error = try copy.expectNotCopied(try await copy.copy(reading: layout))
                #expect(error.description.contains("\(digits): it is a symbolic link"))
                #expect(!copy.target.log.contains { $0.method == "PUT" && $0.request.query.contains("\(copy.layer)") && $0.status == 201 })
            }
        }
    }
}
