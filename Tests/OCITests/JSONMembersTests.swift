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
        #expect(JSONMembers.duplicate(in: Array(text.utf8)) == name)
    }

    @Test(arguments: [
        #"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#, #"{"a":"a","b":"a\":","c":["a","a"]}"#, #"["a","a"]"#, "{}", "1", #"{"a":"\\","b":1}"#,
    ])
    func `the same name in different objects, and values, are no duplicates`(text: String) {
        #expect(JSONMembers.duplicate(in: Array(text.utf8)) == nil)
    }

    @Test func `a manifest in which parsers would see different layers is refused`() {
        let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[],"manifests":[]}"#
        #expect { try ManifestDocument(bytes: Array(text.utf8), mediaType: nil) } throws: { error in
            "\(error)" == "its member 'manifests' stands there twice"
        }
    }
}
