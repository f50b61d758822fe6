import OCI
import Testing

@Suite struct VisibleTextTests {
    @Test(arguments: [
        ("plain text, ümlaut, 日本 🙂", "plain text, ümlaut, 日本 🙂"), ("\u{1b}[31mred", "\\u{1b}[31mred"),
        ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
        ("a\u{0}", "a\\u{0}"), ("\u{7f}\u{9b}", "\\u{7f}\\u{9b}"), ("\u{202e}abc\u{2066}", "\\u{202e}abc\\u{2066}"),
        ("a\u{2028}b\u{200b}c\u{feff}", "a\\u{2028}b\\u{200b}c\\u{feff}"), ("\r\n", "\\u{d}\\u{a}"),
        ("a\u{ad}b\u{2060}c\u{180e}", "a\\u{ad}b\\u{2060}c\\u{180e}"), ("\u{e0041}\u{fff9}", "\\u{e0041}\\u{fff9}"),
    ])
    func controlsAreSpelledOut(_ text: String, _ shown: String) {
        #expect(text.withVisibleControls == shown)
    }
}

@Suite struct MaskedTextTests {
    @Test(arguments: [
        ("PUT https://r.example/u?_state=abc%3D&digest=sha256:00", "PUT https://r.example/u?_state=…&digest=sha256:00"),
        ("https://s3/b?X-Amz-Credential=AK&X-Amz-Signature=0f&x=1", "https://s3/b?X-Amz-Credential=…&X-Amz-Signature=…&x=1"),
        ("https://blob/c?sv=2020&sig=a%2B&se=2021", "https://blob/c?sv=…&sig=…&se=…"),
        ("see https://bob:hunter2@r.example/x", "see https://…@r.example/x"), ("mail bob@r.example", "mail bob@r.example"),
        (#"{"refresh_token":"abc","password" : "p w"}"#, #"{"refresh_token":"…","password" : "… w"}"#),
        ("password: hunter2, try again", "password: …, try again"), ("token: expired", "token: expired"),
        ("Authorization: Bearer eyJhbGciOi.J9", "Authorization: Bearer …"), ("Basic dTpwYXNz", "Basic …"),
        ("Basic authentication is required", "Basic authentication is required"),
        ("<SignatureProvided>abc=</SignatureProvided>", "<SignatureProvided>…</SignatureProvided>"),
        ("/v2/a/blobs/uploads/0f-1e?x=1", "/v2/a/blobs/uploads/…?x=1"), ("/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/"),
        (String(repeating: "x", count: 65), "…"), (String(repeating: "x", count: 64), String(repeating: "x", count: 64)),
        ("sha512:\(String(repeating: "0f", count: 64))", "sha512:\(String(repeating: "0f", count: 64))"),
        ("the signature is bad", "the signature is bad"), ("design=1 assign=2", "design=1 assign=2"), ("", ""), ("ümlaut", "ümlaut"),
    ])
    func whatLooksLikeASecretIsMasked(_ text: String, _ shown: String) {
        #expect(text.withMaskedSecrets == shown)
    }
}

@Suite struct RegistryErrorTests {
    @Test func itSaysWhatCouldNotBeDoneToWhatAndWhy() throws {
        let error = RegistryError(
            .denied,
            action: "push",
            object: "us.icr.io/payments/api:1",
            status: 403,
            registryCode: "DENIED",
            reason: "requested access to the resource is denied",
            help: "log in"
        )
        #expect("\(error)" == "cannot push us.icr.io/payments/api:1: 403 DENIED (requested access to the resource is denied); log in")
        let bare = RegistryError(.unavailable, action: "reach", object: "h", reason: "it is gone")
        #expect("\(bare)" == "cannot reach h: it is gone")
        let silent = RegistryError(.unavailable, action: "reach", object: "h", status: 502, reason: "")
        #expect("\(silent)" == "cannot reach h: 502")
    }
}
