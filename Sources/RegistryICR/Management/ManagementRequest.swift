internal import FoundationEssentials
internal import OCI

/// One call of the management API, version 1, as a value (reference of ICR, section D). Paths and queries are escaped as IBM's Python SDK
/// escapes them, so that both send the same.
struct ManagementRequest: Hashable, Sendable {
    enum Method: String, Hashable, Sendable {
        case get = "GET", put = "PUT", post = "POST", patch = "PATCH", delete = "DELETE"
    }

    enum Body: Hashable, Sendable {
        case none
        case json(JSONValue)
    }

    /// Whether doing it twice does any harm.
    enum Repetition: Hashable, Sendable {
        case safe
        /// The second time the registry may say that it is so already: that counts as done.
        case doneAlready(status: Int)
    }

    var method: Method
    /// Path and query, escaped.
    var target: String
    var headers: [String: String] = [:]
    var body: Body = .none
    var repetition: Repetition = .safe
    /// Lists and analyses are asked for by `POST` too.
    var isWrite: Bool { method != .get && !target.hasSuffix("/images/digests") && !target.hasSuffix("/retentions/analyze") }
    /// Whether success brings a body. Only then one is asked for, as IBM's SDKs do.
    var hasAnswer = true

    init(_ method: Method, _ path: [String], query: [(name: String, value: String)] = [], body: Body = .none) {
        self.method = method
        var target = "/api/v1/" + path.map(Self.escaped).joined(separator: "/")
        if !query.isEmpty {
            target += "?" + query.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }.joined(separator: "&")
        }
        self.target = target
        self.body = body
    }

    /// Everything but the unreserved characters of RFC 3986, section 2.3.
    static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return result
    }
}

extension ManagementRequest {
    private static let resourceGroupHeader = "X-Auth-Resource-Group"

    static let namespaces = ManagementRequest(.get, ["namespaces", "details"])

    static func createNamespace(_ name: String, resourceGroup: String?) -> ManagementRequest {
        var request = ManagementRequest(.put, ["namespaces", name])
        request.headers[resourceGroupHeader] = resourceGroup
        return request
    }

    static func assignNamespace(_ name: String, resourceGroup: String) -> ManagementRequest {
        var request = ManagementRequest(.patch, ["namespaces", name])
        request.headers[resourceGroupHeader] = resourceGroup
        return request
    }

    static func deleteNamespace(_ name: String) -> ManagementRequest {
        var request = ManagementRequest(.delete, ["namespaces", name])
        request.repetition = .doneAlready(status: 404)
        request.hasAnswer = false
        return request
    }

    /// All that is live below one namespace or repository; `place` is written without the host.
    static func inventory(of place: String) -> ManagementRequest {
        ManagementRequest(
            .post,
            ["images", "digests"],
            body: .json(
                .object([
                    "exclude_tagged": .bool(false), "exclude_va": .bool(true), "include_ibm": .bool(false),
                    "repositories": .array([.string(place)]),
                ])
            )
        )
    }

    /// IBM's public images, which only the global registry lists.
    static let publicImages = ManagementRequest(
        .get,
        ["images"],
        query: [("includeIBM", "true"), ("includePrivate", "false"), ("includeManifestLists", "true"), ("vulnerabilities", "false")]
    )

    static func deleteImages(_ references: [String]) -> ManagementRequest {
        ManagementRequest(.post, ["images", "bulkdelete"], body: .json(.array(references.map(JSONValue.string))))
    }

    static func tag(_ source: String, as target: String) -> ManagementRequest {
        var request = ManagementRequest(.post, ["images", "tags"], query: [("fromimage", source), ("toimage", target)])
        request.hasAnswer = false
        return request
    }

    static func untag(_ reference: String) -> ManagementRequest {
        var request = ManagementRequest(.delete, ["tags", reference])
        request.repetition = .doneAlready(status: 404)
        return request
    }

    static let retentions = ManagementRequest(.get, ["retentions"])

    /// `takesThresholdBack`: the namespace's policy has one so far, and must not keep it.
    static func setRetention(_ policy: RetentionPolicy, of namespace: String, takesThresholdBack: Bool = false) -> ManagementRequest {
        var request = ManagementRequest(.post, ["retentions"], body: .json(body(policy, namespace, takesThresholdBack)))
        request.hasAnswer = false
        return request
    }

    static func analyzeRetention(_ policy: RetentionPolicy, of namespace: String) -> ManagementRequest {
        ManagementRequest(.post, ["retentions", "analyze"], body: .json(body(policy, namespace)))
    }

    /// The threshold is in no SDK: it is sent only where one is set or has to be taken back.
    private static func body(_ policy: RetentionPolicy, _ namespace: String, _ takesThresholdBack: Bool = false) -> JSONValue {
        var members: [String: JSONValue] = [
            "namespace": .string(namespace),
            "images_per_repo": .integer(Int64(policy.imagesPerRepository ?? -1)),
            "retain_untagged": .bool(policy.keepUntagged),
        ]
        if policy.minimumAgeDays > 0 || takesThresholdBack { members["deletion_threshold_days"] = .integer(Int64(policy.minimumAgeDays)) }
        return .object(members)
    }

    static func retention(of namespace: String) -> ManagementRequest { ManagementRequest(.get, ["retentions", namespace]) }

    static func trash(of namespace: String) -> ManagementRequest {
        ManagementRequest(.get, ["trash"], query: [("namespace", namespace)])
    }

    /// With all of its tags that are not taken.
    static func restore(_ reference: String) -> ManagementRequest { ManagementRequest(.post, ["trash", reference, "restoretags"]) }

    /// With this tag alone.
    static func restoreTag(_ reference: String) -> ManagementRequest {
        var request = ManagementRequest(.post, ["trash", reference, "restore"])
        request.hasAnswer = false
        return request
    }

    static let quota = ManagementRequest(.get, ["quotas"])
}
