import OCI
import Testing

@testable import RegistryICR

@Suite struct ManagementRequestTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var request: ManagementRequest
        var line: String
        var body: String?

        var testDescription: String { line }
    }

    static let image = "us.icr.io/birds/blue/bird"
    static let digest = "sha256:" + String(repeating: "a", count: 64)

    static let rows: [Row] = [
        Row(request: .namespaces, line: "GET /api/v1/namespaces/details"),
        Row(request: .createNamespace("birds", resourceGroup: nil), line: "PUT /api/v1/namespaces/birds"),
        Row(request: .assignNamespace("birds", resourceGroup: "g1"), line: "PATCH /api/v1/namespaces/birds"),
        Row(request: .deleteNamespace("birds"), line: "DELETE /api/v1/namespaces/birds"),
        Row(
            request: .inventory(of: "birds"),
            line: "POST /api/v1/images/digests",
            body: #"{"exclude_tagged":false,"exclude_va":true,"include_ibm":false,"repositories":["birds"]}"#
        ),
        Row(
            request: .publicImages,
            line: "GET /api/v1/images?includeIBM=true&includePrivate=false&includeManifestLists=true&vulnerabilities=false"
        ),
        Row(request: .deleteImages(["\(image)@\(digest)"]), line: "POST /api/v1/images/bulkdelete", body: #"["\#(image)@\#(digest)"]"#),
        Row(
            request: .tag("\(image)@\(digest)", as: "\(image):1.0"),
            line: "POST /api/v1/images/tags?fromimage=us.icr.io%2Fbirds%2Fblue%2Fbird%40sha256%3A\(String(repeating: "a", count: 64))"
                + "&toimage=us.icr.io%2Fbirds%2Fblue%2Fbird%3A1.0"
        ),
        Row(request: .untag("\(image):1.0"), line: "DELETE /api/v1/tags/us.icr.io%2Fbirds%2Fblue%2Fbird%3A1.0"),
        Row(request: .retentions, line: "GET /api/v1/retentions"),
        Row(
            request: .setRetention(RetentionPolicy(imagesPerRepository: 10, keepUntagged: false, minimumAgeDays: 7), of: "birds"),
            line: "POST /api/v1/retentions",
            body: #"{"deletion_threshold_days":7,"images_per_repo":10,"namespace":"birds","retain_untagged":false}"#
        ),
        Row(
            request: .setRetention(.none, of: "birds", takesThresholdBack: true),
            line: "POST /api/v1/retentions",
            body: #"{"deletion_threshold_days":0,"images_per_repo":-1,"namespace":"birds","retain_untagged":true}"#
        ),
        Row(
            request: .analyzeRetention(.none, of: "birds"),
            line: "POST /api/v1/retentions/analyze",
            body: #"{"images_per_repo":-1,"namespace":"birds","retain_untagged":true}"#
        ),
        Row(request: .retention(of: "birds"), line: "GET /api/v1/retentions/birds"),
        Row(request: .trash(of: "birds"), line: "GET /api/v1/trash?namespace=birds"),
        Row(
            request: .restore("\(image)@sha256:1"),
            line: "POST /api/v1/trash/us.icr.io%2Fbirds%2Fblue%2Fbird%40sha256%3A1/restoretags"
        ),
        Row(request: .restoreTag("\(image):1"), line: "POST /api/v1/trash/us.icr.io%2Fbirds%2Fblue%2Fbird%3A1/restore"),
        Row(request: .quota, line: "GET /api/v1/quotas"),
    ]

    @Test("each call is one line and perhaps a body, as section D of the reference says", arguments: rows)
    func callsAsTheReferenceSays(_ row: Row) {
        #expect("\(row.request.method.rawValue) \(row.request.target)" == row.line)
        switch row.request.body {
        case .none: #expect(row.body == nil)
        case .json(let value): #expect(value.canonicalText == row.body)
        }
    }

    @Test("a resource group goes in a header, and only where one is given")
    func resourceGroups() {
        #expect(ManagementRequest.createNamespace("birds", resourceGroup: nil).headers.isEmpty)
        #expect(ManagementRequest.createNamespace("birds", resourceGroup: "g").headers == ["X-Auth-Resource-Group": "g"])
        #expect(ManagementRequest.assignNamespace("birds", resourceGroup: "g").headers == ["X-Auth-Resource-Group": "g"])
    }

    @Test("only the unreserved characters stay as they are")
    func escaping() {
        #expect(ManagementRequest.escaped("aZ09-._~") == "aZ09-._~")
        #expect(ManagementRequest.escaped("a/b:c@d +é\n") == "a%2Fb%3Ac%40d%20%2B%C3%A9%0A")
    }

    @Test("what is gone counts as done only where something is removed")
    func repetitions() {
        #expect(ManagementRequest.untag("us.icr.io/a/b:1").repetition == .doneAlready(status: 404))
        #expect(ManagementRequest.deleteNamespace("birds").repetition == .doneAlready(status: 404))
        #expect(ManagementRequest.restore("us.icr.io/a/b@sha256:1").repetition == .safe)
        #expect(ManagementRequest.restoreTag("us.icr.io/a/b:1").repetition == .safe)
    }
}
