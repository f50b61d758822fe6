import Diagnostics
import Testing

@testable import Specification

@Suite struct PersonalInformationTests {
    @Test(arguments: [
        ("jane.doe@example.com", "an e-mail address"), ("Jane Doe <jane@mail.example.co>", "an e-mail address"),
        ("jane.doe-at-example.com", "an e-mail address"), ("jane_at_example_dot_com", "an e-mail address"),
        ("call-555-010-1234", "a telephone number"), ("555.010.1234", "a telephone number"), ("id-078-05-1120", "a social security number"),
    ])
    func whatLooksLikeAPersonsDataIsFound(_ text: String, _ clue: String) {
        #expect(PersonalInformation.clue(in: text) == clue)
    }

    @Test(arguments: [
        "1.4.2", "2026-11-27", "20261127-103000", "v1.2.3-rc.4", "sha256-0123456789", "look-at-v1.2", "latest", "at-com",
        "my-app-at-home.v2", "1234-555-010-12345", "payments/api", "registry.example.com/at/com", "10.20.30.40",
    ])
    func versionsDatesAndHostsAreLeftAlone(_ text: String) {
        #expect(PersonalInformation.clue(in: text) == nil)
    }

    @Test func namesAndBuildArgumentsAreWarnedOf() {
        let text = """
            registries: {a: {host: a.example.com}}
            namespaces: [{name: pay-555-010-1234, registries: a}]
            images:
              - {to: a/x/jane.doe-at-example.com, from: "nginx:1", tags: [jane_at_example.org, "1"]}
              - {to: a/x/y, from: {build: {context: ., args: {owner: jane@example.com}}}, tags: ["2"]}
            copies: [{from: nginx, to: a/x/z, tags: [078-05-1120]}]

            """
        let lines = read(spec(text)).diagnostics.map(\.line).filter { $0.contains("personal-information") }
        #expect(
            lines == [
                "3:21 personal-information: the namespace 'pay-555-010-1234' seems to hold a telephone number",
                "5:10 personal-information: the repository 'a/x/jane.doe-at-example.com' seems to hold an e-mail address",
                "5:63 personal-information: the tag 'jane_at_example.org' seems to hold an e-mail address",
                "6:58 personal-information: the build's 'owner' 'jane@example.com' seems to hold an e-mail address",
                "7:42 personal-information: the tag '078-05-1120' seems to hold a social security number",
            ]
        )
    }
}
