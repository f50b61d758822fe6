import OCI
import Testing

@testable import ICRSimulation

@Suite struct ManagementOperationTests {
    static let image = "us.icr.io/birds/blue/bird:1"

    @Test(
        "names of images are read in every form that clients escape them in",
        arguments: [
            "us.icr.io%2Fbirds%2Fblue%2Fbird%3A1", "us.icr.io%2Fbirds%2Fblue%2Fbird:1", "us.icr.io/birds/blue/bird:1",
            "us.icr.io%2fbirds/blue%2Fbird%3a1",
        ]
    )
    func escapes(_ name: String) throws {
        #expect(try ManagementOperation("DELETE", path: "/api/v1/images/\(name)") == .deleteImage(Self.image))
        #expect(try ManagementOperation("GET", path: "/api/v1/images/\(name)/json") == .inspectImage(Self.image))
        #expect(try ManagementOperation("GET", path: "/api/v1/images/\(name)/manifest") == .getManifest(Self.image))
        #expect(try ManagementOperation("DELETE", path: "/api/v1/tags/\(name)") == .untag(Self.image))
        #expect(try ManagementOperation("POST", path: "/api/v1/trash/\(name)/restore") == .restoreImage(Self.image))
        #expect(try ManagementOperation("POST", path: "/api/v1/trash/\(name)/restoretags") == .restoreTags(Self.image))
    }

    static let fixed: [(String, ManagementOperation)] = [
        ("GET /api/v1/auth", .getAuth), ("PATCH /api/v1/auth", .setAuth), ("GET /api/v1/messages", .getMessages),
        ("GET /api/v1/plans", .getPlan), ("PATCH /api/v1/plans", .setPlan), ("GET /api/v1/quotas", .getQuota),
        ("PATCH /api/v1/quotas", .setQuota), ("GET /api/v1/settings", .getSettings), ("PATCH /api/v1/settings", .setSettings),
        ("GET /api/v1/namespaces", .listNamespaces), ("GET /api/v1/namespaces/details", .describeNamespaces),
        ("PUT /api/v1/namespaces/birds", .createNamespace("birds")), ("PATCH /api/v1/namespaces/birds", .assignNamespace("birds")),
        ("DELETE /api/v1/namespaces/birds", .deleteNamespace("birds")), ("GET /api/v1/images", .listImages),
        ("POST /api/v1/images/digests", .listDigests), ("POST /api/v1/images/bulkdelete", .deleteImages),
        ("POST /api/v1/images/tags", .tagImage), ("GET /api/v1/retentions", .listRetentions), ("POST /api/v1/retentions", .setRetention),
        ("POST /api/v1/retentions/analyze", .analyzeRetention), ("GET /api/v1/retentions/birds", .getRetention("birds")),
        ("GET /api/v1/trash", .listTrash),
    ]

    @Test("the other operations", arguments: fixed)
    func operations(_ line: String, _ operation: ManagementOperation) throws {
        let parts = line.split(separator: " ").map(String.init)
        #expect(try ManagementOperation(parts[0], path: parts[1]) == operation)
    }

    @Test(
        "what is no operation is refused",
        arguments: ["GET /api/v2/auth", "POST /api/v1/auth", "GET /api/v1/builds", "DELETE /api/v1/trash", "POST /api/v1/trash/x/purge"]
    )
    func refusals(_ line: String) {
        let parts = line.split(separator: " ").map(String.init)
        #expect(throws: ManagementOperation.Refusal.self) { try ManagementOperation(parts[0], path: parts[1]) }
    }

    @Test("an image without a tag means latest, and other registries' images are none of this one's")
    func references() {
        let reference = ImageReference("us.icr.io/birds/a", host: "us.icr.io")
        #expect(reference?.manifest.description == "latest" && reference?.tag == nil)
        #expect(ImageReference("http://127.0.0.1:80/birds/a:1", host: "us.icr.io")?.repository.description == "birds/a")
        #expect(ImageReference("de.icr.io/birds/a:1", host: "us.icr.io") == nil)
        #expect(ImageReference("us.icr.io/birds:1", host: "us.icr.io") == nil)
    }
}
