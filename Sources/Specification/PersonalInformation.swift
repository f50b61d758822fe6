internal import Diagnostics

/// What looks like a person's data in names that registries show to many: in logs, in audit events, and with IBM outside the account
/// (reference of ICR, section A.2). It is a guess, so it is a warning.
enum PersonalInformation {
    /// What `text` seems to hold, with its article; `nil`: nothing.
    static func clue(in text: String) -> String? {
        // Making a `Regex`, and splitting, costs a thousand times what looking for the signs does that they cannot do without.
        var (hasSign, hasAt, digits, last) = (false, false, 0, UInt8(0))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "@") { hasSign = true }
            if byte == UInt8(ascii: "t"), last == UInt8(ascii: "a") { hasAt = true }
            if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { digits += 1 }
            last = byte
        }
        if hasSign && holdsAddress(text) || hasAt && holdsSpokenAddress(text) { return "an e-mail address" }
        return digits >= 9 ? numberClue(text) : nil
    }

    private static func holdsAddress(_ text: String) -> Bool {
        text.contains(/[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}/)
    }

    /// Names cannot hold an '@', so people write it in words.
    private static func holdsSpokenAddress(_ text: String) -> Bool {
        let words = text.utf8.split(omittingEmptySubsequences: true) { "._-".utf8.contains($0) }
        guard words.dropFirst().dropLast().contains(where: { $0.elementsEqual("at".utf8) }) else { return false }
        let spoken =
            #/
            [A-Za-z0-9] [._-]+ at [._-]+ [A-Za-z0-9-]+ [._-]+ (dot [._-]+)?
            (com | org | net | edu | gov | info | de | uk | fr | eu | es | it | nl | jp | in | br | ca | au | ch | us | cn) ($ | [^A-Za-z0-9])
            /#
        return text.contains(spoken)
    }

    /// Of runs of digits with one sign between them, their lengths tell.
    private static func numberClue(_ text: String) -> String? {
        let digits = text.utf8.split(omittingEmptySubsequences: false) { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard digits.count >= 3 else { return nil }
        for (first, (second, third)) in zip(digits, zip(digits.dropFirst(), digits.dropFirst(2))) {
            let signs = [text.utf8[first.endIndex], text.utf8[second.endIndex]]
            switch (first.count, second.count, third.count) {
            case (3, 3, 4) where signs.allSatisfy { "-.".utf8.contains($0) }: return "a telephone number"
            case (3, 2, 4) where signs.allSatisfy { $0 == UInt8(ascii: "-") }: return "a social security number"
            default: continue
            }
        }
        return nil
    }
}

extension SpecDecoder {
    /// Warns of namespaces, repositories, tags and arguments of builds that seem to name a person.
    mutating func warnOfPersonalInformation(_ document: SpecDocument) {
        for entry in document.root.list("namespaces").compactMap(\.mapping) { warn("the namespace", entry["name"]) }
        for key in ["images", "copies"] {
            for entry in document.root.list(key).compactMap(\.mapping) {
                for target in entry["to"]?.oneOrMore ?? [] { warn("the repository", target) }
                for tag in entry["tags"]?.oneOrMore ?? [] { warn("the tag", tag) }
                // Labels come from a build's arguments.
                for argument in entry["from"]?.mapping?["build"]?.mapping?["args"]?.mapping?.entries ?? [] {
                    warn("the build's '\(argument.key)'", argument.node)
                }
            }
        }
    }

    private mutating func warn(_ what: String, _ node: SpecNode?) {
        guard let node, let text = node.text, let clue = PersonalInformation.clue(in: text) else { return }
        diagnostics.append(
            .warning(
                "personal-information",
                "\(what) '\(text)' seems to hold \(clue)",
                at: node.range,
                help: "keep personal information out: names and labels appear in logs and audit events, and others may see them"
            )
        )
    }
}
