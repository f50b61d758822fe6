import FoundationEssentials
import Testing

/// Compares texts with files in `Golden`, which fix the wording. `CRPLAN_UPDATE_GOLDEN=1` writes them anew.
enum Golden {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    static func check(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let file = folder.appending(path: name)
        if ProcessInfo.processInfo.environment["CRPLAN_UPDATE_GOLDEN"] == "1" {
            try Data(text.utf8).write(to: file)
            return
        }
        let expected = try #require(try? Data(contentsOf: file), "Golden/\(name) is missing", sourceLocation: sourceLocation)
        let wanted = String(decoding: expected, as: UTF8.self)
        #expect(text == wanted, "Golden/\(name) has:\n\(wanted)", sourceLocation: sourceLocation)
    }
}
