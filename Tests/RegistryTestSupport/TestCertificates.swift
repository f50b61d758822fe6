/// A certificate authority for one test, and certificates by it. Files are PEM, in the folder given.
package struct TestCertificates: Sendable {
    package let authorityPath: String
    private let directory: String

    package struct Pair: Sendable {
        package var certificatePath: String
        package var keyPath: String
    }

    /// Makes the authority with `openssl`.
    package init(in directory: String) async throws {
        self.directory = directory
        authorityPath = "\(directory)/ca.pem"
        let subject = ["-subj", "/CN=crplan test authority"]
        try await openssl(subject + ["-keyout", "\(directory)/ca.key", "-out", authorityPath, "-addext", "keyUsage=critical,keyCertSign"])
    }

    /// A certificate for a server on loopback. `daysValid: 0` gives one that has expired.
    package func server(
        _ name: String = "server",
        subjects: [String] = ["DNS:localhost", "IP:127.0.0.1", "IP:::1"],
        daysValid: Int = 2
    ) async throws -> Pair {
        try await issue(name, ["-addext", "subjectAltName=\(subjects.joined(separator: ","))"], daysValid)
    }

    package func client(_ name: String = "client") async throws -> Pair {
        try await issue(name, ["-addext", "extendedKeyUsage=clientAuth"], 2)
    }

    private func issue(_ name: String, _ extras: [String], _ days: Int) async throws -> Pair {
        let pair = Pair(certificatePath: "\(directory)/\(name).pem", keyPath: "\(directory)/\(name).key")
        let signing = ["-CA", authorityPath, "-CAkey", "\(directory)/ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        try await openssl(
            signing + extras + ["-subj", "/CN=\(name)", "-keyout", pair.keyPath, "-out", pair.certificatePath],
            days: days
        )
        return pair
    }

    private func openssl(_ arguments: [String], days: Int = 2) async throws {
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try await runSuccessfully("openssl", ["req", "-x509"] + key + ["-days", "\(days)"] + arguments)
    }
}
