import OCI
import Testing

@Suite struct JSONMembersTests {
    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "a"),
        (#"{"x":{"b":[{"c":1 , "c" : 2}]}}"#, "c"),
        (#"{"layers":[],"l\u0061yers":[]}"#, "layers"),
        (#"{"q\"":1,"q\"":2}"#, "q\""),
    ])
    func `a name that stands twice in one object is found`(text: String, name: String) {
        #expect(JSONMembers.ambiguity(in: Array(text.utf8)) == "its member '\(name)' stands there twice")
    }

    @Test(arguments: [
        #"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#, #"{"a":"a","b":"a\":","c":["a","a"]}"#, #"["a","a"]"#, "{}", "1", #"{"a":"\\","b":1}"#,
    ])
    func `the same name in different objects, and values, are no duplicates`(text: String) {
        #expect(JSONMembers.ambiguity(in: Array(text.utf8), names: JSONMembers.ofManifests) == nil)
    }

    @Test(arguments: [
        (#"{"Layers":[]}"#, "'Layers' is 'layers' to some"), (#"{"layer\u017f":[]}"#, "is 'layers' to some"),
        (#"{"config":{"DIGEST":"x"}}"#, "'DIGEST' is 'digest' to some"), (#"{"size":1e3}"#, "'size' is not written as a whole number"),
        (#"{"a":[{"size" : 1.0}]}"#, "'size' is not written"), (#"{"size":-1E2}"#, "'size' is not written"),
        ("\u{feff}{}", "byte order mark"), ("{\u{0}}", "not UTF-8"), (String(repeating: "[", count: 65), "nested more than 64 deep"),
    ])
    func `what programs would read differently is refused`(text: String, reason: String) {
        let found = JSONMembers.ambiguity(in: Array(text.utf8), names: JSONMembers.ofManifests)
        #expect(found?.contains(reason) == true, "\(found ?? "nothing")")
    }

    @Test(arguments: [
        #"{"annotations":{"Layers":"x","SIZE":"1e3"}}"#, #"{"size":1000,"x":1e3}"#, #"{"layersX":1}"#, #"{"size":"1e3"}"#,
        String(repeating: "[", count: 64) + String(repeating: "]", count: 64),
    ])
    func `annotations are free, and other members too`(text: String) {
        #expect(JSONMembers.ambiguity(in: Array(text.utf8), names: JSONMembers.ofManifests) == nil)
    }

    @Test func `a manifest in which parsers would see different layers is refused`() {
        let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[],"manifests":[]}"#
        #expect { try ManifestDocument(bytes: Array(text.utf8), mediaType: nil) } throws: { error in
            "\(error)" == "its member 'manifests' stands there twice"
        }
    }
}
