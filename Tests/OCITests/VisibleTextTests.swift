import OCI
import Testing

@Suite struct VisibleTextTests {
    @Test(arguments: [
        ("plain text, ümlaut, 日本 🙂", "plain text, ümlaut, 日本 🙂"), ("\u{1b}[31mred", "\\u{1b}[31mred"),
        ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
        ("a\u{0}", "a\\u{0}"), ("\u{7f}\u{9b}", "\\u{7f}\\u{9b}"), ("\u{202e}abc\u{2066}", "\\u{202e}abc\\u{2066}"),
        ("a\u{2028}b\u{200b}c\u{feff}", "a\\u{2028}b\\u{200b}c\\u{feff}"), ("\r\n", "\\u{d}\\u{a}"),
    ])
    func controlsAreSpelledOut(_ text: String, _ shown: String) {
        #expect(text.withVisibleControls == shown)
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
