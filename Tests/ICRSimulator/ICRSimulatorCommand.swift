import ArgumentParser
import Glibc
import ICRSimulation
import NIOPosix
import NIOSSL
import OCI
import SystemPackage

/// Serves until its standard input ends, so that it dies with whoever started it.
@main
struct ICRSimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ICRSimulator",
        abstract: "Simulates IBM Cloud Container Registry on loopback, for tests.",
        discussion: "The first line of output is a JSON object that says where it serves. It ends when standard input does."
    )

    @Option(help: "The hosts of the registries, with commas between.")
    var regions = "us.icr.io"

    @Option(help: "The account's id.")
    var account = ICRSimulator.Options().account

    @Option(help: "An API key of a service ID that is Manager of the whole account.")
    var apiKey = ICRSimulator.Options().apiKey

    @Option(help: "A PEM file with the certificate to serve TLS with.")
    var tlsCertificate: String?

    @Option(help: "A PEM file with the certificate's key.")
    var tlsKey: String?

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let hosts = regions.split(separator: ",").map(String.init)
        let options = ICRSimulator.Options(hosts: hosts, account: account, apiKey: apiKey, tls: try tlsContext())
        try await withICRSimulator(options) { simulator in
            _ = try FileDescriptor.standardOutput.writeAll((simulator.announcement.canonicalText + "\n").utf8)
            try await NIOThreadPool.singleton.runIfActive {
                try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
                    while try FileDescriptor.standardInput.read(into: buffer) > 0 {}
                }
            }
        }
    }

    private func tlsContext() throws -> NIOSSLContext? {
        guard let tlsCertificate, let tlsKey else { return nil }
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(tlsCertificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: tlsKey, format: .pem))
            )
        )
    }
}
