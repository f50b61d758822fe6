import Testing

@testable import RegistryHTTP

@Suite struct ChallengeTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var fields: [String]
        var schemes: [String]
        var choice: AuthenticationScheme?
        var knowsRealm = false

        var testDescription: String { fields.joined(separator: " | ") }
    }

    static let examples: [Example] = [
        Example(
            fields: [#"Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push""#],
            schemes: ["bearer"],
            choice: .bearer(realm: "https://a/t", service: "s")
        ),
        Example(
            fields: [#"Negotiate YII=, Basic realm="r, \"q\"", Bearer realm="https://a/t""#],
            schemes: ["negotiate", "basic", "bearer"],
            choice: .bearer(realm: "https://a/t", service: nil)
        ),
        Example(
            fields: [#"bearer realm=https://z/t?x=1,service="z""#],
            schemes: ["bearer"],
            choice: .bearer(realm: "https://z/t?x=1", service: "z")
        ),
        Example(fields: [#"Bearer realm="""#, #"Basic realm="x""#], schemes: ["bearer", "basic"], choice: .basic),
        Example(fields: [#"Bearer error="insufficient_scope",scope="repository:a:pull""#], schemes: ["bearer"], choice: nil),
        Example(
            fields: [#"Bearer error="insufficient_scope",scope="repository:a:pull""#],
            schemes: ["bearer"],
            choice: .bearer(realm: nil, service: nil),
            knowsRealm: true
        ),
        Example(fields: [#"Basic realm="x","#], schemes: ["basic"], choice: .basic),
        Example(fields: ["Basic"], schemes: ["basic"], choice: .basic),
        Example(
            fields: ["BASIC , , BEARER Realm = https://a/t"],
            schemes: ["basic", "bearer"],
            choice: .bearer(realm: "https://a/t", service: nil)
        ),
        Example(fields: ["Negotiate, NTLM TlRM=="], schemes: ["negotiate", "ntlm"], choice: nil),
        Example(fields: ["", " , = ,"], schemes: [], choice: nil),
        Example(fields: [#"Bearer realm="https://a/t"#], schemes: ["bearer"], choice: .bearer(realm: "https://a/t", service: nil)),
    ]

    @Test(arguments: examples)
    func fieldsOfAllKindsAreRead(_ example: Example) {
        let challenges = Challenge.parse(example.fields)
        #expect(challenges.map(\.scheme) == example.schemes)
        #expect(AuthenticationScheme.choose(challenges, knowsRealm: example.knowsRealm) == example.choice)
    }

    @Test func commasWithinQuotesBelongToTheValue() {
        let challenge = Challenge.parse([#"Bearer realm="https://a/t",scope="repository:a/b:pull,push",scope="other""#]).first
        #expect(challenge?.parameters["scope"] == "repository:a/b:pull,push")
    }

    @Test func quotedCharactersLoseTheirBackslash() {
        #expect(Challenge.parse([#"Basic realm="r, \"q\" \\""#]).first?.realm == #"r, "q" \"#)
    }
}
