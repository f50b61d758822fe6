/// The 29 operations of the management API (reference of ICR, section D). What stands behind a path is decoded, but not read.
enum ManagementOperation: Hashable, Sendable {
    case getAuth, setAuth, getMessages, getPlan, setPlan, getQuota, setQuota, getSettings, setSettings
    case listNamespaces, describeNamespaces, createNamespace(String), assignNamespace(String), deleteNamespace(String)
    case listImages, listDigests, deleteImages, tagImage, deleteImage(String), inspectImage(String), getManifest(String), untag(String)
    case listRetentions, setRetention, analyzeRetention, getRetention(String)
    case listTrash, restoreTags(String), restoreImage(String)

    enum Refusal: Error, Hashable {
        case noSuchPath, noSuchMethod
    }

    /// `path`: as it stood in the request line. It is routed before it is decoded, so that an escaped slash separates nothing; raw
    /// slashes within names of images work too, since the fixed words stand at the ends.
    init(_ method: String, path: String) throws(Refusal) {
        guard path.hasPrefix("/api/v1/") else { throw .noSuchPath }
        let parts = path.dropFirst("/api/v1/".count).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, !parts.contains("") else { throw .noSuchPath }
        let rest = Array(parts.dropFirst())
        let methods: [String: ManagementOperation]
        switch (first, rest.count) {
        case ("auth", 0): methods = ["GET": .getAuth, "PATCH": .setAuth]
        case ("messages", 0): methods = ["GET": .getMessages]
        case ("plans", 0): methods = ["GET": .getPlan, "PATCH": .setPlan]
        case ("quotas", 0): methods = ["GET": .getQuota, "PATCH": .setQuota]
        case ("settings", 0): methods = ["GET": .getSettings, "PATCH": .setSettings]
        case ("namespaces", 0...1): methods = Self.namespaces(rest.first)
        case ("images", _): methods = Self.images(rest)
        case ("tags", 1...): methods = ["DELETE": .untag(Self.name(rest))]
        case ("retentions", 0...1): methods = Self.retentions(rest.first)
        case ("trash", _): methods = Self.trash(rest)
        default: throw .noSuchPath
        }
        guard !methods.isEmpty else { throw .noSuchPath }
        guard let found = methods[method] else { throw .noSuchMethod }
        self = found
    }

    private static func namespaces(_ name: String?) -> [String: ManagementOperation] {
        guard let name = name.map({ percentDecoded($0) }) else { return ["GET": .listNamespaces] }
        var methods: [String: ManagementOperation] = [
            "PUT": .createNamespace(name), "PATCH": .assignNamespace(name), "DELETE": .deleteNamespace(name),
        ]
        if name == "details" { methods["GET"] = .describeNamespaces }
        return methods
    }

    private static func images(_ rest: [String]) -> [String: ManagementOperation] {
        switch rest {
        case []: return ["GET": .listImages]
        case ["digests"]: return ["POST": .listDigests]
        case ["bulkdelete"]: return ["POST": .deleteImages]
        case ["tags"]: return ["POST": .tagImage]
        default: break
        }
        guard rest.count > 1 else { return ["DELETE": .deleteImage(name(rest))] }
        switch rest.last {
        case "json": return ["GET": .inspectImage(name(rest.dropLast()))]
        case "manifest": return ["GET": .getManifest(name(rest.dropLast()))]
        default: return ["DELETE": .deleteImage(name(rest))]
        }
    }

    private static func retentions(_ name: String?) -> [String: ManagementOperation] {
        switch name {
        case nil: ["GET": .listRetentions, "POST": .setRetention]
        case "analyze": ["POST": .analyzeRetention]
        case let name?: ["GET": .getRetention(percentDecoded(name))]
        }
    }

    private static func trash(_ rest: [String]) -> [String: ManagementOperation] {
        switch rest.last {
        case nil: ["GET": .listTrash]
        case "restoretags" where rest.count > 1: ["POST": .restoreTags(name(rest.dropLast()))]
        case "restore" where rest.count > 1: ["POST": .restoreImage(name(rest.dropLast()))]
        default: [:]
        }
    }

    private static func name(_ parts: some Sequence<String>) -> String { percentDecoded(parts.joined(separator: "/")) }
}

/// Escapes of RFC 3986 alone: in a path, `+` is a plus.
func percentDecoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        let digits = rest.prefix(2)
        if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) {
            bytes.append(value)
            rest = rest.dropFirst(2)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
