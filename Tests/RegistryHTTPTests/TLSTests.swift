import Logging
import OCI
import Registry
import RegistryTestSupport
import Testing

@testable import RegistryHTTP

@Suite(.timeLimit(.minutes(5))) struct TLSTests {
    private func withTLS(
        subjects: [String] = ["IP:127.0.0.1"],
        daysValid: Int = 2,
        wantsClientCertificate: Bool = false,
        hasOldTLS: Bool = false,
        settings change: @escaping @Sendable (inout HTTPRegistrySettings, TestCertificates) async throws -> Void,
        _ body: @escaping @Sendable (Wire) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let certificates = try await TestCertificates(in: directory)
            let pair = try await certificates.server(subjects: subjects, daysValid: daysValid)
            var example = HTTPRegistrySettings(id: try RegistryID(host: "x.example"))
            try await change(&example, certificates)
            let wanted = example
            var options = LoopbackRegistryServer.Options(
                certificate: pair,
                clientAuthorityPath: wantsClientCertificate ? certificates.authorityPath : nil
            )
            options.hasOldTLS = hasOldTLS
            try await withWire(
                options,
                settings: {
                    $0.caFile = wanted.caFile
                    $0.clientCertificate = wanted.clientCertificate
                    $0.insecureSkipVerify = wanted.insecureSkipVerify
                },
                body
            )
        }
    }

    private static func failure(_ wire: Wire) async throws -> RegistryError {
        try await wire.failure { () async throws(RegistryError) in _ = try await wire.client.tags(in: wire.repository) }
    }

    @Test func anOwnAuthorityIsTrustedWhenNamed() async throws {
        try await withTLS(settings: { $0.caFile = $1.authorityPath }) { wire in
            let tags = try await wire.client.tags(in: wire.repository)
            #expect(tags == nil)
        }
    }

    @Test func anUnknownAuthorityIsNot() async throws {
        try await withTLS(settings: { _, _ in }) { wire in
            let error = try await Self.failure(wire)
            #expect(error.code == .untrusted)
            #expect(error.help?.contains("caFile") == true)
            #expect(wire.server.log.isEmpty)
            #expect(wire.clock.sleeps == [])
        }
    }

    @Test func anotherHostsCertificateIsNot() async throws {
        try await withTLS(subjects: ["DNS:other.example"], settings: { $0.caFile = $1.authorityPath }) { wire in
            let error = try await Self.failure(wire)
            #expect(error.code == .untrusted)
        }
    }

    @Test func olderVersionsThan12AreRefused() async throws {
        try await withTLS(hasOldTLS: true, settings: { $0.caFile = $1.authorityPath }) { wire in
            let error = try await Self.failure(wire)
            #expect(error.code == .untrusted && wire.server.log.isEmpty, "\(error)")
        }
    }

    /// The certificate is by an authority that nobody knows: the registry's leave to skip the check is not its storage's.
    @Test func skippingTheCheckHoldsForTheRegistryAlone() async throws {
        try await withTLS(settings: { settings, _ in settings.insecureSkipVerify = true }) { wire in
            try await withTemporaryDirectory { directory in
                let pair = try await TestCertificates(in: directory).server()
                try await withLoopbackRegistryServer(try InMemoryRegistry(), .init(certificate: pair)) { storage in
                    let location = "\(storage.url)/blob"
                    wire.server.script { _ in .reply(307, headers: ["Location": location]) }
                    let error = try await Self.failure(wire)
                    #expect(error.code == .untrusted && storage.log.isEmpty && wire.server.log.count == 1, "\(error)")
                }
            }
        }
    }

    @Test func skippingTheCheckIsPossible() async throws {
        try await withTLS(subjects: ["DNS:other.example"], settings: { settings, _ in settings.insecureSkipVerify = true }) { wire in
            let tags = try await wire.client.tags(in: wire.repository)
            #expect(tags == nil)
        }
    }

    @Test func anotherHostIsCheckedByItsNameThoughItsAddressIsPinned() async throws {
        try await withTemporaryDirectory { directory in
            let certificates = try await TestCertificates(in: directory)
            let pair = try await certificates.server(subjects: ["DNS:localhost"])
            let content = Samples.bytes(1000, seed: 1)
            let authority = certificates.authorityPath
            try await withLoopbackRegistryServer(try InMemoryRegistry(), .init(certificate: pair)) { storage in
                storage.script { _ in .reply(200, body: content) }
                try await withWire(settings: { $0.caFile = authority }) { wire in
                    for (host, isTrusted) in [("localhost", true), ("127.0.0.1", false)] {
                        let location = "https://\(host):\(storage.port)/blob"
                        wire.server.script { _ in .reply(307, headers: ["Location": location]) }
                        do throws(RegistryError) {
                            let stream = try await wire.client.blob(Samples.descriptor(of: content), from: 0, in: wire.repository)
                            let bytes = try await stream.collected()
                            #expect(isTrusted && bytes == content)
                        } catch {
                            #expect(!isTrusted && error.code == .untrusted, "\(error)")
                        }
                    }
                }
            }
        }
    }

    @Test func aClientCertificateIsShown() async throws {
        try await withTLS(
            wantsClientCertificate: true,
            settings: { settings, certificates in
                let client = try await certificates.client()
                settings.caFile = certificates.authorityPath
                settings.clientCertificate = .init(certificateFile: client.certificatePath, keyFile: client.keyPath)
            }
        ) { wire in
            let tags = try await wire.client.tags(in: wire.repository)
            #expect(tags == nil)
        }
    }

    @Test func withoutItTheRegistryIsNotReached() async throws {
        try await withTLS(wantsClientCertificate: true, settings: { $0.caFile = $1.authorityPath }) { wire in
            _ = try await Self.failure(wire)
            #expect(wire.server.log.isEmpty)
        }
    }

    @Test func plainHTTPWhereTLSIsWantedIsNamed() async throws {
        try await withWire(settings: { $0.plainHTTP = false }) { wire in
            let error = try await Self.failure(wire)
            #expect(error.code == .untrusted)
            #expect(error.description.contains("speaks plain HTTP; if that is intended, set plainHTTP for it"))
        }
    }

    @Test func aCertificateThatCannotBeReadIsNamed() throws {
        var settings = HTTPRegistrySettings(id: try RegistryID(host: "r.example"), caFile: "/nowhere/ca.pem")
        let message =
            "cannot read /nowhere/ca.pem: it cannot be opened or is not a CA certificate in PEM form; the registry r.example names it"
        #expect(throws: RegistryError.self) { try Connections(settings) }
        do throws(RegistryError) {
            _ = try Connections(settings)
        } catch {
            #expect(error.description == message)
        }
        settings.caFile = nil
        settings.clientCertificate = .init(certificateFile: "/nowhere/c.pem", keyFile: "/nowhere/k.pem")
        #expect(throws: RegistryError.self) { try Connections(settings) }
    }

    @Test func aHostThatIsNotThereIsTriedThreeTimes() async throws {
        let clock = TestClock()
        // Port 1 of loopback: nothing listens there.
        let settings = HTTPRegistrySettings(id: try RegistryID(host: "127.0.0.1:1"), plainHTTP: true)
        let client = try HTTPRegistry(
            settings: settings,
            credentials: FixedCredentials(),
            logger: Logger(label: "test"),
            clock: clock.clock
        )
        let repository = try RepositoryName("a")
        do throws(RegistryError) {
            _ = try await client.tags(in: repository)
            Issue.record("it did not fail")
        } catch {
            #expect(error.code == .unavailable)
            #expect(error.reason == "127.0.0.1:1 cannot be reached: connection refused")
            #expect(error.help == "check that it is up and that this machine may reach it, then try again")
        }
        await client.shutdown()
        #expect(clock.sleeps.count == 2)
    }

    @Test func theSettingsDecideWhereToConnect() throws {
        func base(_ change: (inout HTTPRegistrySettings) -> Void, _ host: String = "r.example") throws -> String {
            var settings = HTTPRegistrySettings(id: try RegistryID(host: host))
            change(&settings)
            return try settings.base().text
        }
        #expect(try base { _ in } == "https://r.example")
        #expect(try base { $0.plainHTTP = true } == "http://r.example")
        #expect(try base { $0.endpoint = "http://127.0.0.1:5000" } == "http://127.0.0.1:5000")
        #expect(try base { $0.endpoint = "https://proxy.example/prefix/" } == "https://proxy.example/prefix")
        #expect(try base({ _ in }, "docker.io") == "https://registry-1.docker.io")
        #expect(throws: RegistryError.self) { try base { $0.endpoint = "ftp://x" } }
    }
}
