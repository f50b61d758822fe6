package import OCI

/// Reads content that is not in a registry: archives, single layouts, and later local engines, builds and assembled files.
package protocol ContentSource: Sendable {
    /// Finds the image, and checks that every manifest and blob it needs is there. Throws `.notFound` when the file, directory or
    /// image is missing, `.corrupt` or `.localFile` otherwise.
    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection

    /// The content for reading; the same bytes that `inspect` found, or an error.
    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader
}
