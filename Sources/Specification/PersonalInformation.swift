internal import Diagnostics

/// What looks like a person's data in names that registries show to many: in logs, in audit events, and with IBM outside the account
/// (reference of ICR, section A.2). It is a guess, so it is a warning.
enum PersonalInformation {
    /// What `text` seems to hold, with its article; `nil`: nothing.
    static func clue(in text: String) -> String? {
        // Names cannot hold an '@', so people write it in words.
        let address = /[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}/
        let spoken =
            #/
            [A-Za-z0-9] [._-]+ at [._-]+ [A-Za-z0-9-]+ [._-]+ (dot [._-]+)?
            (com | org | net | edu | gov | info | de | uk | fr | eu | es | it | nl | jp | in | br | ca | au | ch | us | cn) ($ | [^A-Za-z0-9])
            /#
        let telephone = /(^|[^0-9])[0-9]{3}[.-][0-9]{3}[.-][0-9]{4}($|[^0-9])/
        let socialSecurity = /(^|[^0-9])[0-9]{3}-[0-9]{2}-[0-9]{4}($|[^0-9])/
        if text.contains(address) || text.contains(spoken) { return "an e-mail address" }
        if text.contains(telephone) { return "a telephone number" }
        if text.contains(socialSecurity) { return "a social security number" }
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
