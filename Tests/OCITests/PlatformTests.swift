import OCI
import Testing

@Suite struct PlatformTests {
    @Test(arguments: [
        ("linux/amd64", "linux/amd64", true), ("linux/amd64", "linux/arm64", false), ("linux/amd64", "windows/amd64", false),
        ("linux/arm", "linux/arm/v7", true), ("linux/arm/v7", "linux/arm/v7", true), ("linux/arm/v7", "linux/arm/v6", false),
        ("linux/arm/v7", "linux/arm", false), ("linux/arm64", "linux/arm64/v8", true), ("linux/arm64/v8", "linux/arm64", true),
        ("linux/arm64/v9", "linux/arm64", false), ("linux/arm/v8", "linux/arm", false), ("linux/amd64", "linux/amd64/v3", true),
        ("linux/amd64", "unknown/unknown", false),
    ])
    func aSelectionCovers(_ selection: String, _ platform: String, _ isCovered: Bool) throws {
        #expect(try Platform(selection).covers(Platform(platform)) == isCovered)
    }

    @Test(arguments: ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b", "linux//v7", "linux/é"])
    func whatIsNoPlatformIsRefused(_ text: String) {
        #expect(throws: InvalidName.self) { try Platform(text) }
    }

    @Test func itShowsItsVariant() throws {
        #expect(try Platform("linux/arm/v7").description == "linux/arm/v7")
        #expect(try Platform("linux/arm/v7").variant == "v7")
    }
}
