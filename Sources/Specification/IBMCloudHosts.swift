package import OCI

/// The hosts of IBM Cloud Container Registry (reference of ICR, section B).
package enum IBMCloudHosts {
    package static func isRegistry(_ id: RegistryID) -> Bool { id.host.map(content.contains) ?? false }

    static let content: Set<String> = [
        "icr.io", "us.icr.io", "uk.icr.io", "de.icr.io", "es.icr.io", "jp.icr.io", "jp2.icr.io", "au.icr.io", "ca.icr.io", "ca2.icr.io",
        "br.icr.io", "in.icr.io", "in2.icr.io", "fr2.icr.io",
    ]

    /// The registry that a private host belongs to.
    static func publicHost(of host: String) -> String? {
        guard host.hasPrefix("private.") else { return nil }
        let rest = String(host.dropFirst("private.".count))
        return content.contains(rest) ? rest : nil
    }
}
