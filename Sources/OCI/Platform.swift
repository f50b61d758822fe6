/// `os/architecture[/variant]` (image-spec, image-index.md, "platform").
package struct Platform: Hashable, Sendable, CustomStringConvertible, Comparable, Codable {
    package var os: String
    package var architecture: String
    package var variant: String?

    package init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    package init(_ text: some StringProtocol) throws(InvalidName) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts.allSatisfy({ part in !part.isEmpty && part.utf8.allSatisfy(Self.isAllowed) }) else {
            throw InvalidName("a platform looks like linux/amd64 or linux/arm/v7")
        }
        self.init(os: String(parts[0]), architecture: String(parts[1]), variant: parts.count == 3 ? String(parts[2]) : nil)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    package var description: String { variant.map { "\(os)/\(architecture)/\($0)" } ?? "\(os)/\(architecture)" }

    /// Whether this selection covers `platform`: without a variant it covers every variant; `arm64` is `arm64/v8`.
    package func covers(_ platform: Platform) -> Bool {
        os == platform.os && architecture == platform.architecture
            && (variant == nil || variant == platform.variant || (architecture == "arm64" && variant == "v8" && platform.variant == nil))
    }

    package static func < (left: Platform, right: Platform) -> Bool { left.description < right.description }

    private enum CodingKeys: String, CodingKey {
        case os, architecture, variant
    }
}

extension Platform {
    init(_ value: JSONValue) throws(MemberProblem) {
        let members = try MemberReader(value)
        os = try members.required("os", MemberReader.text)
        architecture = try members.required("architecture", MemberReader.text)
        variant = try members.optional("variant", MemberReader.text)
    }
}
