internal import OCI
internal import Planning

extension ImageConfiguration {
    /// Reads an image's config (image-spec, config.md). A config of something else than an image simply says nothing.
    init(decoding bytes: [UInt8]) {
        let body = try? JSONValue(parsing: bytes)
        func text(_ key: String) -> String? { body?[key]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        var platform: Platform?
        if let os = text("os"), let architecture = text("architecture") {
            platform = Platform(os: os, architecture: architecture, variant: text("variant"))
        }
        self.init(platform: platform, created: text("created").flatMap(Timestamp.seconds(since1970In:)))
    }
}
