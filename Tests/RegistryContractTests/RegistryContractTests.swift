import RegistryTestSupport
import Testing

@Suite struct RegistryContractTests {
    @Test(arguments: Implementations.local, RegistryContract.Check.allCases)
    func theContractHolds(_ implementation: RegistryContract, _ check: RegistryContract.Check) async throws {
        try await implementation.run(check)
    }

    @Test(.timeLimit(.minutes(6)), arguments: Implementations.remote, RegistryContract.Check.allCases)
    func theContractHoldsOverHTTP(_ implementation: RegistryContract, _ check: RegistryContract.Check) async throws {
        try await implementation.run(check)
    }
}
