internal import Logging
internal import NIOHTTP1
internal import OCI
internal import Synchronization

/// Looks at the heads of all answers: for signs of who the registry is, and for its warnings.
final class AnswerWatch: Sendable {
    private let state = Mutex((signs: VendorSigns(), warnings: WarningNotes()))
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    var signs: VendorSigns { state.withLock(\.signs) }

    /// `isOwn`: the answer is the registry's, not that of a host which it led to.
    func observe(_ headers: HTTPHeaders, from address: WebAddress, isOwn: Bool) {
        let fields = headers["warning"]
        let new = state.withLock { state in
            if isOwn { state.signs.observe(headers, authority: address.authority) }
            return fields.isEmpty ? [] : state.warnings.new(in: fields, from: address.authority)
        }
        for text in new { logger.warning("\(address.authority) warns: \(text)") }
    }
}

/// Warnings of registries (distribution-spec, "Warnings"; RFC 7234, section 5.5): shown once for each host and text, and never acted on.
struct WarningNotes: Sendable {
    static let largestText = 4096
    /// A registry that warns in ever new words is heard no further.
    static let most = 100

    private struct Note: Hashable {
        var host: String
        var text: String
    }

    private var seen: Set<Note> = []

    /// What has not been shown yet, safe to show.
    mutating func new(in fields: [String], from host: String) -> [String] {
        var result: [String] = []
        for field in fields {
            for text in Self.texts(in: field) where seen.count < Self.most && seen.insert(Note(host: host, text: text)).inserted {
                result.append(text)
            }
        }
        return result
    }

    /// The texts of all warnings with the code 299; others are about caches.
    private static func texts(in field: String) -> [String] {
        var scanner = HeaderScanner(field)
        var result: [String] = []
        while !scanner.isAtEnd {
            scanner.skip { $0 == "," || $0.isWhitespace }
            let code = scanner.text { !$0.isWhitespace && $0 != "," }
            scanner.skip(while: \.isWhitespace)
            let agent = scanner.text { !$0.isWhitespace && $0 != "," }
            scanner.skip(while: \.isWhitespace)
            if let text = scanner.quoted(), code == "299", !agent.isEmpty {
                let shown = shown(text)
                if !shown.isEmpty { result.append(shown) }
            }
            scanner.skip { $0 != "," }
        }
        return result
    }

    /// Cut before it is escaped, and again after: escapes are longer than what they stand for.
    private static func shown(_ text: String) -> String {
        var result = ErrorBody.shown(text, limit: largestText)
        while result.utf8.count > largestText {
            result = String(result.prefix(result.count - max(1, (result.utf8.count - largestText) / 8)))
        }
        return result
    }
}
