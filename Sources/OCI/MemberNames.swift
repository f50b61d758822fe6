/// Names of members that must be written as they are here, where they decide what content means: Go takes `Layers` for `layers`, and
/// refuses `1e3` as a size.
package struct MemberNames: Sendable {
    /// By their folded form, and by themselves.
    private let spellings: [String: String]

    package init(_ names: Set<String>) {
        spellings = Dictionary(names.flatMap { [($0, $0), (Self.folded($0), $0)] }) { first, _ in first }
    }

    /// The members that decide what a manifest, an index or an `index.json` means.
    package static let ofManifests = MemberNames([
        "schemaVersion", "mediaType", "artifactType", "config", "layers", "blobs", "manifests", "subject", "digest", "size", "urls",
        "data", "platform", "os", "architecture", "variant", "annotations",
    ])

    /// The name that some programs take `name` for; `nil`: none of these.
    func spelling(of name: String) -> String? { spellings[name] ?? (Self.isFolded(name) ? nil : spellings[Self.folded(name)]) }

    private static func isFolded(_ name: String) -> Bool { name.utf8.allSatisfy { $0 < 0x80 && !(0x41...0x5a).contains($0) } }

    /// As Go compares names: the long s and the Kelvin sign are letters of ASCII to it.
    private static func folded(_ name: String) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            switch scalar.value {
            case 0x17f: result += "s"
            case 0x212a: result += "k"
            case 0x41...0x5a: result.unicodeScalars.append(Unicode.Scalar(UInt8(scalar.value + 0x20)))
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
