internal import Diagnostics

/// Hides `user:password@` in findings: who writes a login into a host, URL or reference must not read it in a log.
enum LoginHiding {
    static func hide(_ diagnostic: Diagnostic) -> Diagnostic {
        let (message, help) = (hide(diagnostic.message), diagnostic.help.map(hide))
        guard message != diagnostic.message || help != diagnostic.help else { return diagnostic }
        var hidden = diagnostic
        hidden.message = message
        hidden.help = help
        hidden.hidesSource = true
        return hidden
    }

    /// Word by word; quotation marks end a word.
    private static func hide(_ text: String) -> String {
        guard text.contains("@") else { return text }
        var result = ""
        var word = ""
        for character in text {
            if character == " " || character == "'" || character == "\"" {
                result += hidden(word) + String(character)
                word = ""
            } else {
                word.append(character)
            }
        }
        return result + hidden(word)
    }

    /// `…@registry.example` for `user:password@registry.example`. A tag with a digest is no login.
    private static func hidden(_ word: String) -> String {
        guard let at = word.lastIndex(of: "@") else { return word }
        let scheme = word.firstRange(of: "://").map { word[..<$0.upperBound] } ?? ""
        let after = word[word.index(after: at)...]
        guard scheme.endIndex <= at || scheme.isEmpty, !after.hasPrefix("sha") else { return word }
        let before = scheme.isEmpty ? word[..<at] : word[scheme.endIndex..<at]
        guard let colon = before.firstIndex(of: ":"), !before[..<colon].contains("/") else { return word }
        return "\(scheme)…@\(after)"
    }
}
