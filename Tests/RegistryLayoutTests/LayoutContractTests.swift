import OCI
import Registry
import RegistryLayout
import RegistryTestSupport
import Testing

@Suite struct LayoutContractTests {
    static let layout = RegistryContract(
        "a directory of layouts",
        capabilities: Dictionary(uniqueKeysWithValues: RegistryFeature.allCases.map { ($0, .yes) }),
        referrersSource: .api
    ) { body in
        try await withTemporaryDirectory { path in
            try await body(LayoutRegistry(id: try RegistryID(layout: "./mirror"), root: "\(path)/mirror"))
        }
    }

    @Test(arguments: RegistryContract.Check.allCases)
    func `the contract holds`(_ check: RegistryContract.Check) async throws {
        try await Self.layout.run(check)
    }
}
