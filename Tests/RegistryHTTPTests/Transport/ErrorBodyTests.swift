import OCI
import Testing

@testable import RegistryHTTP

@Suite struct ErrorBodyTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var body: String
        var type: String? = "application/json"
        var codes: [String] = []
        var text: String

        var testDescription: String { String(body.prefix(60)) }
    }

    static let examples: [Example] = [
        Example(body: #"{"errors":[{"code":"DENIED","message":"no","detail":{"a":[1]}}]}"#, codes: ["DENIED"], text: "no"),
        Example(body: #"{"errors":[{"code":"A","message":"x"},{"code":"B"}]}"#, codes: ["A", "B"], text: "x"),
        Example(body: #"{"errors":[{"code":"A","message":null,"detail":"d"}]}"#, codes: ["A"], text: "d"),
        Example(body: #"{"code":"UNAUTHORIZED","message":"bare"}"#, codes: ["UNAUTHORIZED"], text: "bare"),
        Example(body: #"{"message":"toomanyrequests: slow down"}"#, text: "toomanyrequests: slow down"),
        Example(body: #"{"details":"invalid repository name"}"#, text: "invalid repository name"),
        Example(body: #"{"errors":[{"code":"A","message":"\u001b[31mred\nline"}]}"#, codes: ["A"], text: #"\u{1b}[31mred line"#),
        Example(body: #"{"errors":[]}"#, text: #"{"errors":[]}"#), Example(body: "", text: ""), Example(body: "null", text: "null"),
        Example(body: #"{"error":"invalid_grant","error_description":"run out"}"#, codes: ["invalid_grant"], text: "run out"),
        Example(body: "https://s3/b?X-Amz-Signature=0f1e is wrong", type: "text/plain", text: "https://s3/b?X-Amz-Signature=… is wrong"),
        Example(body: "404 page not found\n", type: "text/plain; charset=utf-8", text: "404 page not found"),
        Example(body: "<html><head><TITLE>502 Bad\n Gateway</TITLE></head>…", type: "text/html", text: "502 Bad Gateway"),
        Example(body: "<!DOCTYPE html><p>x", type: nil, text: "an HTML page"),
        Example(
            body: "<Error><Code>AccessDenied</Code></Error>",
            type: "application/xml",
            text: "<Error><Code>AccessDenied</Code></Error>"
        ),
        Example(
            body: String(repeating: "x y", count: 2000),
            type: nil,
            text: String(String(repeating: "x y", count: 67).prefix(199)) + "…"
        ),
    ]

    @Test(arguments: examples)
    func oddBodiesAreUnderstood(_ example: Example) {
        let body = ErrorBody(bytes: Array(example.body.utf8), contentType: example.type)
        #expect(body.codes == example.codes)
        #expect(body.text == example.text)
        #expect(body.text.count <= 200)
    }

    @Test func bytesThatAreNoTextDoNotFail() {
        #expect(ErrorBody(bytes: [0xff, 0xfe, 0x00], contentType: nil).text.contains("\\u{0}"))
    }

    @Test func aManifestThatTheRegistryRefusesIsFinal() {
        #expect(
            ErrorBody(bytes: Array(#"{"errors":[{"code":"UNKNOWN"},{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#.utf8), contentType: nil).isPermanent
        )
        #expect(
            ErrorBody(bytes: Array(#"{"errors":[{"code":"UNKNOWN","message":"invalid URL on layer"}]}"#.utf8), contentType: nil).isPermanent
        )
        #expect(!ErrorBody(bytes: Array(#"{"errors":[{"code":"UNKNOWN"}]}"#.utf8), contentType: nil).isPermanent)
    }
}
