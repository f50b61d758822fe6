import Testing

@testable import RegistryHTTP

struct WarningTests {
    @Test func aWarningIsShownOnceForEachHostAndText() {
        var notes = WarningNotes()
        #expect(notes.new(in: [#"299 - "old API""#], from: "a") == ["old API"])
        #expect(notes.new(in: [#"299 - "old API""#], from: "a") == [])
        #expect(notes.new(in: [#"299 - "old API""#], from: "b") == ["old API"])
        #expect(notes.new(in: [#"299 - "new words""#], from: "a") == ["new words"])
    }

    struct Field: Sendable, CustomTestStringConvertible {
        var field: String
        var texts: [String]
        var testDescription: String { field }
    }

    static let fields = [
        Field(field: #"299 - "a \"quoted\" word""#, texts: [#"a "quoted" word"#]),
        Field(field: #"299 - "one, two", 299 - "three""#, texts: ["one, two", "three"]),
        Field(field: #"299 host:80 "with a date" "Sat, 16 Mar 2024 11:10:03 GMT""#, texts: ["with a date"]),
        Field(field: #"110 - "Response is stale""#, texts: []), Field(field: #"299 - "  ""#, texts: []), Field(field: "299 -", texts: []),
        Field(field: "", texts: []), Field(field: ",,,", texts: []), Field(field: #""""#, texts: []),
        Field(field: "299 - unquoted", texts: []),
    ]

    @Test(arguments: fields)
    func onlyTheTextsOf299Count(_ field: Field) {
        var notes = WarningNotes()
        #expect(notes.new(in: [field.field], from: "a") == field.texts)
    }

    @Test func aWarningCannotWriteToTheTerminalNorFillIt() throws {
        var notes = WarningNotes()
        let shown = try #require(notes.new(in: ["299 - \"\u{1B}[2J\(String(repeating: "\u{1B}", count: 9000))\""], from: "a").first)
        #expect(shown.utf8.count <= WarningNotes.largestText)
        #expect(shown.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
        for number in 0..<1000 { _ = notes.new(in: ["299 - \"\(number)\""], from: "a") }
        #expect(notes.new(in: [#"299 - "one more""#], from: "a") == [])
    }
}
