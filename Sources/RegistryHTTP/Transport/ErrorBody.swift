internal import FoundationEssentials
internal import OCI

/// What a registry says in the body of an error answer. The status decides; this explains. Bodies are odd in many ways, and none of
/// them is a failure of its own (distribution-spec, "Error Codes").
struct ErrorBody: Hashable, Sendable {
    static let largestSize = 64 << 10
    static let longestText = 200

    /// All codes, in order.
    var codes: [String] = []
    /// Safe to show, at most 200 characters.
    var text = ""
    var isHTML = false
    /// Distribution answers unknown paths in plain text: the request reached no endpoint.
    var isPlainText = false

    init() {}

    init(bytes: [UInt8], contentType: String?) {
        let type = MediaType.essence(of: contentType ?? "")
        if let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes)), !answer.entries.isEmpty {
            let entries = answer.entries
            codes = entries.compactMap { $0.code?.value ?? $0.error?.value }.filter { !$0.isEmpty }.map { Self.shown($0, limit: 64) }
            let words = entries.compactMap { $0.message?.value ?? $0.details?.value ?? $0.detail?.value ?? $0.error_description?.value }
                .filter { !$0.isEmpty }
            text = Self.shown(words.joined(separator: "; "), limit: Self.longestText)
            return
        }
        let body = String(decoding: bytes, as: UTF8.self)
        let start = body.prefix(1024).lowercased()
        if type == "text/html" || start.contains("<html") || start.contains("<!doctype html") {
            isHTML = true
            text = Self.shown(Self.title(of: body) ?? "an HTML page", limit: Self.longestText)
        } else {
            isPlainText = type == "text/plain"
            text = Self.shown(body, limit: Self.longestText)
        }
    }

    var code: String? { codes.first }

    func contains(_ wanted: String...) -> Bool { codes.contains { wanted.contains($0) } }

    /// A 500 that no repetition helps: the registry met a manifest that it does not take.
    var isPermanent: Bool {
        codes.contains { $0.hasPrefix("MANIFEST_") } || text.contains("invalid URL")
    }

    /// White space collapsed, secrets masked, controls made visible, cut.
    static func shown(_ text: some StringProtocol, limit: Int) -> String {
        // What is cut off anyway need not be searched.
        let words = text.prefix(limit * 8).split(whereSeparator: \.isWhitespace).joined(separator: " ").withMaskedSecrets
        guard words.count > limit else { return words.withVisibleControls }
        return words.prefix(limit - 1).withVisibleControls + "…"
    }

    private static func title(of body: String) -> String? {
        let lower = body.lowercased()
        guard lower.utf8.count == body.utf8.count, let open = lower.range(of: "<title>") else { return nil }
        let rest = body.utf8.dropFirst(lower.utf8.distance(from: lower.startIndex, to: open.upperBound))
        let title = rest.prefix { $0 != UInt8(ascii: "<") }
        let text = String(decoding: Array(title), as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    /// `{"errors":[…]}`, or one bare entry as zot, Docker Hub and, in OAuth2's words, token servers send it.
    private struct Answer: Decodable {
        var entries: [Entry]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            if let list = try? container.decode([Entry].self, forKey: .errors) {
                entries = list
            } else {
                let entry = try Entry(from: decoder)
                let values = [entry.code, entry.message, entry.details, entry.error]
                entries = values.allSatisfy { $0?.value == nil } ? [] : [entry]
            }
        }

        private enum Keys: String, CodingKey { case errors }
    }

    private struct Entry: Decodable {
        var code: LooseText?
        var message: LooseText?
        var detail: LooseText?
        var details: LooseText?
        var error: LooseText?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        var error_description: LooseText?
    }

    /// A string, or anything else as nothing.
    private struct LooseText: Decodable {
        var value: String?

        init(from decoder: any Decoder) throws {
            value = try? decoder.singleValueContainer().decode(String.self)
        }
    }
}
