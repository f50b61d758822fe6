import FoundationEssentials
import Testing

/// Texts in the clone that fix what the program prints. `CRPLAN_UPDATE_GOLDEN=1` writes them anew.
enum GoldenText {
    static var isUpdating: Bool { ProcessInfo.processInfo.environment["CRPLAN_UPDATE_GOLDEN"] == "1" }

    static func check(_ text: String, _ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        if isUpdating {
            try Data(text.utf8).write(to: URL(filePath: "\(Clone.root)/\(path)"))
            return
        }
        let wanted = try #require(try? Clone.text(path), "\(path) is missing", sourceLocation: sourceLocation)
        #expect(text == wanted, "\(path) has:\n\(wanted)", sourceLocation: sourceLocation)
    }
}
