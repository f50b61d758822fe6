import OCI
import Registry
import RegistryTestSupport
import Testing

extension RegistryContract {
    /// A registry in memory with exactly these features.
    static func inMemory(_ name: String, _ features: Set<RegistryFeature>) -> RegistryContract {
        RegistryContract(
            name,
            capabilities: Dictionary(uniqueKeysWithValues: RegistryFeature.allCases.map { ($0, features.contains($0) ? .yes : .no) }),
            referrersSource: features.contains(.referrersAPI) ? .api : .fallbackTag
        ) { body in
            try await body(InMemoryRegistry(host: "memory.example", features: features))
        }
    }
}

@Suite struct InMemoryContractTests {
    static let full = RegistryContract.inMemory("in memory, all features", Set(RegistryFeature.allCases))
    static let bare = RegistryContract.inMemory("in memory, no features", [])

    @Test(arguments: [full, bare], RegistryContract.Check.allCases)
    func theContractHolds(_ contract: RegistryContract, _ check: RegistryContract.Check) async throws {
        try await contract.run(check)
    }
}
