import OCI
import Registry
import RegistryLayout
import RegistryTestSupport
import Testing

@Suite struct LayoutContractTests {
    static let layout = RegistryContract(
        "a directory of layouts",
        capabilities: [
            .deleteTag: .yes, .deleteManifest: .yes, .referrersAPI: .yes, .listRepositories: .yes, .listDigests: .yes, .mountBlob: .yes,
        ],
        referrersSource: .api
    ) { body in
        try await withTemporaryDirectory { directory in
            try await body(LayoutRegistry(id: try RegistryID(layout: directory), root: directory))
        }
    }

    @Test(arguments: RegistryContract.Check.allCases)
    func theContractHolds(_ check: RegistryContract.Check) async throws {
        try await Self.layout.run(check)
    }
}
