import OCI
import Testing

@Suite struct AmbiguousJSONTests {
    private func problem(_ text: String) -> String? {
        do throws(JSONValue.Invalid) {
            _ = try JSONValue(parsing: Array(text.utf8), strictly: .ofManifests)
            return nil
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "a"),
        (#"{"x":{"b":[{"c":1 , "c" : 2}]}}"#, "c"),
        (#"{"layers":[],"l\u0061yers":[]}"#, "layers"),
        (#"{"q\"":1,"q\"":2}"#, "q\""),
        (#"{"annotations":{"x":"1","x":"1"}}"#, "x"),
        (#"{"a":1,"a":{"b":1,"b":2}}"#, "a"),
    ])
    func `a name that stands twice in one object is found`(text: String, name: String) throws {
        #expect(problem(text) == "its member '\(name)' stands there twice")
        #expect(try JSONValue(parsing: Array(#"{"a":1,"b":0,"a":2}"#.utf8))["a"] == .integer(1), "the first counts")
    }

    @Test(arguments: [
        #"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#, #"{"a":"a","b":"a\":","c":["a","a"]}"#, #"["a","a"]"#, "{}", "1", #"{"a":"\\","b":1}"#,
    ])
    func `the same name in different objects, and values, are no duplicates`(text: String) {
        #expect(problem(text) == nil)
    }

    @Test(arguments: [
        (#"{"Layers":[]}"#, "'Layers' is 'layers' to some"), (#"{"layer\u017f":[]}"#, "is 'layers' to some"),
        (#"{"mediatype":"x"}"#, "'mediatype' is 'mediaType' to some"), (#"{"schemaVer\u017fion":2}"#, "is 'schemaVersion' to some"),
        (#"{"config":{"DIGEST":"x"}}"#, "'DIGEST' is 'digest' to some"), (#"{"size":1e3}"#, "'size' is not written as a whole number"),
        (#"{"a":[{"size" : 1.0}]}"#, "'size' is not written"), (#"{"size":-1E2}"#, "'size' is not written"),
        ("\u{feff}{}", "byte order mark"), ("{\u{0}}", "not UTF-8"), (String(repeating: "[", count: 65), "nested more than 64 deep"),
        (#"{"x":1e400}"#, "one of its numbers is too large"), (#"{"Layers\n":[],"LAYERS":[]}"#, "'LAYERS' is 'layers'"),
        (#"{"a\nb":1,"a\nb":2}"#, #"'a\u{a}b' stands there twice"#),
    ])
    func `what programs would read differently is refused`(text: String, reason: String) {
        let found = problem(text)
        #expect(found?.contains(reason) == true, "\(found ?? "nothing")")
    }

    @Test(arguments: [
        #"{"annotations":{"Layers":"x","SIZE":"1e3"}}"#, #"{"annotations":[{"Size":1e3}]}"#, #"{"size":1000,"x":1e3}"#, #"{"layersX":1}"#,
        #"{"size":"1e3"}"#, #"{"size":[1e3]}"#, #"{"size":-0}"#, #"{"x":1.5,"size":{}}"#, #"{"Rootfs":{}}"#,
        String(repeating: "[", count: 64) + String(repeating: "]", count: 64),
    ])
    func `annotations are free, and other members too`(text: String) {
        #expect(problem(text) == nil)
    }

    @Test(arguments: [#"{"a":1,"a":2"#, "\u{feff}", #"{"Layers":[}"#, "\u{feff}{} x"])
    func `what is no JSON is that first`(text: String) {
        #expect(problem(text) == "it is not JSON")
    }

    @Test func `the first of several differences is named, and only the names that matter count`() throws {
        #expect(problem(#"{"size":1.0,"Layers":[],"a":1,"a":1}"#)?.contains("'size'") == true)
        #expect(problem(#"{"a":{"Size":1},"a":1}"#)?.contains("'Size'") == true)
        let names = MemberNames(["Layers", "RepoTags"])
        #expect(throws: Never.self) { try JSONValue(parsing: Array(#"{"Layers":[],"Size":1.0}"#.utf8), strictly: names) }
        #expect(throws: JSONValue.Invalid.self) { try JSONValue(parsing: Array(#"{"repotags":[]}"#.utf8), strictly: names) }
    }

    @Test func `a manifest in which parsers would see different layers is refused`() {
        let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[],"manifests":[]}"#
        #expect { try ManifestDocument(bytes: Array(text.utf8), mediaType: nil) } throws: { error in
            "\(error)" == "its member 'manifests' stands there twice"
        }
    }
}
